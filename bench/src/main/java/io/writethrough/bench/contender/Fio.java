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

    private final List<String> command;
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
        return new Fio(List.of(
                "fio",
                "--name=reference",
                "--filename=" + path,
                "--size=" + spanBytes,
                "--bs=" + bytes,
                "--rw=" + (sequential ? "write" : "randwrite"),
                "--norandommap",
                "--randrepeat=0",
                "--ioengine=psync",
                "--direct=1",
                "--sync=dsync",
                "--time_based",
                "--lat_percentiles=1",
                "--clat_percentiles=0",
                "--output-format=json+"));
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
        String output = execute(List.of("--runtime=" + TimeUnit.NANOSECONDS.toMillis(nanos) + "ms"));
        // fio may print warnings before its JSON.
        return parse(JSON.readTree(output.substring(Math.max(0, output.indexOf('{')))));
    }

    static Slice parse(JsonNode output) throws IOException {
        JsonNode job = output.path("jobs").path(0);
        JsonNode write = job.path("write");
        long operations = write.path("total_ios").asLong();
        if (job.path("error").asInt() != 0 || operations == 0) {
            throw new IOException("fio failed with error " + job.path("error").asInt());
        }
        Histogram latency = Slice.newHistogram();
        for (Map.Entry<String, JsonNode> bin : write.path("lat_ns").path("bins").properties()) {
            Slice.record(latency, Long.parseLong(bin.getKey()), bin.getValue().asLong());
        }
        long nanos = Math.round(operations / write.path("iops").asDouble() * 1e9);
        double cpuPercent = job.path("usr_cpu").asDouble() + job.path("sys_cpu").asDouble();
        double jobNanos = job.path("job_runtime").asDouble() * 1e6;
        return new Slice(operations, nanos, latency, Math.round(cpuPercent / 100 * jobNanos), -1, null);
    }

    private String execute(List<String> more) throws IOException {
        List<String> all = new ArrayList<>(command);
        all.addAll(more);
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
            running.destroy();
        }
    }

    @Override
    public void close() {
        if (running != null) {
            running.destroy();
        }
    }
}
