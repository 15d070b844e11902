package io.writethrough.bench.contender;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** fio in a process of its own: what the machine can do without Java, the physical reference. */
public final class Fio implements Contender {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CPU_MARK = "processor seconds: ";

    /** Runs what follows and then prints the processor time of it and of all its threads, the kernel's workers too. */
    private static final List<String> TIMED =
            List.of("bash", "-c", "export LC_ALL=C; TIMEFORMAT='" + CPU_MARK + "%3U %3S'; time \"$@\"", "timed");

    private final List<String> command;
    /** Of a run that does next to nothing: starting fio is not part of an operation. */
    private long idleCpuNanos = -1;

    private Process running;

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
        return new Fio(List.of("fio", "--version")).execute(List.of()).trim();
    }

    /** The exact command of a slice, but for its time. */
    public List<String> command() {
        return command;
    }

    /** fio makes offsets of its own, of the same distribution, and times every operation. */
    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        if (idleCpuNanos < 0) {
            idleCpuNanos = cpuNanos(executeTimed(List.of("--runtime=1ms", "--number_ios=1")));
        }
        String output = executeTimed(List.of("--runtime=" + TimeUnit.NANOSECONDS.toMillis(nanos) + "ms"));
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

    private String executeTimed(List<String> more) throws IOException {
        List<String> timed = new ArrayList<>(TIMED);
        timed.addAll(command);
        timed.addAll(more);
        return start(timed);
    }

    private String execute(List<String> more) throws IOException {
        List<String> all = new ArrayList<>(command);
        all.addAll(more);
        return start(all);
    }

    private String start(List<String> all) throws IOException {
        running = new ProcessBuilder(all).redirectErrorStream(true).start();
        try (InputStream output = running.getInputStream()) {
            String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
            if (running.waitFor() != 0) {
                throw new IOException(text.lines().findFirst().orElse("fio failed"));
            }
            return text;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            close();
        }
    }

    @Override
    public void close() {
        if (running != null) {
            running.descendants().forEach(ProcessHandle::destroy);
            running.destroy();
        }
    }
}
