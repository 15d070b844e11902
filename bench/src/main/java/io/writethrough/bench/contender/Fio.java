// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.HdrHistogram.Histogram;

/** fio in a process of its own: what the machine can do without Java, the physical reference. */
public final class Fio implements Contender {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** For starting and ending, beside the time that a run has. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private static final String CPU_MARK = "processor seconds: ";

    /** Runs what follows and then prints the processor time of it and of all its threads, the kernel's workers too. */
    private static final List<String> TIMED =
            List.of("bash", "-c", "export LC_ALL=C; TIMEFORMAT='" + CPU_MARK + "%3U %3S'; time \"$@\"", "timed");

    /** fio did not end in time, and was killed. */
    public static final class TimedOut extends IOException {
        private static final long serialVersionUID = 1;

        TimedOut(String message) {
            super(message);
        }
    }

    private final List<String> command;
    /** Of a run that does next to nothing: starting fio is not part of an operation. */
    private long idleCpuNanos = -1;

    private Fio(List<String> command) {
        this.command = command;
    }

    /**
     * Durable overwrites of a file that exists: direct I/O with {@code RWF_DSYNC}, one at a time.
     *
     * @param sequential in order instead of at random
     */
    public static Fio durableOverwrite(Path path, long spanBytes, int bytes, boolean sequential) {
        return overwrite(path, spanBytes, bytes, sequential, List.of("--ioengine=psync"));
    }

    /** The same at random, by io_uring, with so many in flight. */
    public static Fio asyncOverwrite(Path path, long spanBytes, int bytes, int inFlight) {
        return overwrite(path, spanBytes, bytes, false, List.of("--ioengine=io_uring", "--iodepth=" + inFlight));
    }

    /** Reads in order past the kernel's page cache, one at a time. */
    public static Fio sequentialRead(Path path, long spanBytes, int bytes) {
        return of(path, spanBytes, bytes, List.of("--rw=read", "--ioengine=psync"));
    }

    private static Fio overwrite(Path path, long spanBytes, int bytes, boolean sequential, List<String> engine) {
        List<String> more = new ArrayList<>(engine);
        more.add("--rw=" + (sequential ? "write" : "randwrite"));
        more.add("--sync=dsync");
        return of(path, spanBytes, bytes, more);
    }

    private static Fio of(Path path, long spanBytes, int bytes, List<String> more) {
        List<String> command = new ArrayList<>(List.of(
                "fio",
                "--name=reference",
                "--filename=" + path,
                "--size=" + spanBytes,
                "--bs=" + bytes,
                "--norandommap",
                "--randrepeat=0",
                "--thread",
                "--direct=1",
                "--time_based",
                "--lat_percentiles=1",
                "--clat_percentiles=0",
                "--output-format=json+"));
        if (Buffers.areOfOneByte()) {
            command.add("--zero_buffers");
        }
        command.addAll(more);
        return new Fio(command);
    }

    /** The same, at no more than so many operations per second. */
    public Fio limitedTo(double operationsPerSecond) {
        List<String> limited = new ArrayList<>(command);
        limited.add("--rate_iops=" + Math.round(operationsPerSecond));
        return new Fio(limited);
    }

    /** The version of the fio that is installed. */
    public static String version() throws IOException {
        return output(List.of("fio", "--version"), GRACE).trim();
    }

    /** The exact command of a slice, but for its time. */
    public List<String> command() {
        return command;
    }

    /** fio makes offsets of its own, of the same distribution, and times every operation. */
    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        if (idleCpuNanos < 0) {
            idleCpuNanos = cpuNanos(execute(List.of("--runtime=1ms", "--number_ios=1"), GRACE));
        }
        String output =
                execute(List.of("--runtime=" + TimeUnit.NANOSECONDS.toMillis(nanos) + "ms"), GRACE.plusNanos(nanos));
        // fio may print warnings before its JSON.
        JsonNode json = JSON.readTree(output.substring(Math.max(0, output.indexOf('{'))));
        return parse(json, Math.max(0, cpuNanos(output) - idleCpuNanos));
    }

    /** User and system time of the whole process, as bash tells it in the last line. */
    static long cpuNanos(String output) throws IOException {
        int mark = output.lastIndexOf(CPU_MARK);
        if (mark < 0) {
            throw new IOException("no processor time in the output of fio");
        }
        String[] seconds = output.substring(mark + CPU_MARK.length()).trim().split(" ");
        return Math.round((Double.parseDouble(seconds[0]) + Double.parseDouble(seconds[1])) * 1e9);
    }

    static Slice parse(JsonNode output, long cpuNanos) throws IOException {
        JsonNode job = output.path("jobs").path(0);
        JsonNode done = job.path(job.path("write").path("total_ios").asLong() > 0 ? "write" : "read");
        long operations = done.path("total_ios").asLong();
        if (job.path("error").asInt() != 0 || operations == 0) {
            throw new IOException("fio failed with error " + job.path("error").asInt());
        }
        Histogram latency = Slice.newHistogram();
        for (Map.Entry<String, JsonNode> bin : done.path("lat_ns").path("bins").properties()) {
            Slice.record(latency, Long.parseLong(bin.getKey()), bin.getValue().asLong());
        }
        long nanos = Math.round(operations / done.path("iops").asDouble() * 1e9);
        return new Slice(operations, nanos, latency, cpuNanos, -1, null);
    }

    private String execute(List<String> more, Duration limit) throws IOException {
        List<String> timed = new ArrayList<>(TIMED);
        timed.addAll(command);
        timed.addAll(more);
        return output(timed, limit);
    }

    /** All that a program prints. It is killed, with all that it started, when it has not ended by then. */
    static String output(List<String> command, Duration limit) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        // On a thread of its own: not even a kill ends a read from a program that hangs in the kernel.
        FutureTask<byte[]> read = new FutureTask<>(() -> {
            try (InputStream output = process.getInputStream()) {
                return output.readAllBytes();
            }
        });
        Thread reader = new Thread(read, "output of " + command.get(0));
        reader.setDaemon(true);
        reader.start();
        try {
            String text = new String(read.get(limit.toNanos(), TimeUnit.NANOSECONDS), StandardCharsets.UTF_8);
            if (!process.waitFor(GRACE.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new TimeoutException();
            }
            if (process.exitValue() != 0) {
                throw new IOException(text.lines().findFirst().orElse(command.get(0) + " failed"));
            }
            return text;
        } catch (TimeoutException e) {
            throw new TimedOut("did not end within " + limit.toMillis() + " ms, was killed");
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    @Override
    public void close() {
        // Each run has ended its process.
    }
}
