package io.writethrough.bench.workload;

import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.measure.Pattern;
import java.util.List;

/**
 * One operation that several contenders do in turn.
 *
 * @param id for the command line and the JSON
 * @param title for people
 * @param unitBytes of one operation
 * @param spanBytes over which the offsets go
 * @param sequential offsets in order, or at random
 * @param sampleEvery one in so many operations is timed by itself
 * @param references names of the contenders that the others are divided by
 * @param entries the contenders
 */
public record Workload(
        String id,
        String title,
        int unitBytes,
        long spanBytes,
        boolean sequential,
        int sampleEvery,
        List<String> references,
        List<Entry> entries) {

    /** A contender that is not open yet. */
    public record Entry(String name, Contender.Opener opener) {}

    /** The offsets of one round: the same for each contender. */
    public Pattern pattern(long round) {
        return sequential
                ? Pattern.sequential(unitBytes, spanBytes)
                : Pattern.random(unitBytes, spanBytes, 0x5DEECE66DL + round);
    }
}
