// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Commits per second of each system by each way, each thread commits one record at a time, in rounds that take turns. The
 * arguments are {@code DIRECTORY [--rounds N] [--seconds S] [--only NAME,...] [--ways WAY,...]}. Prints a table: medians, how many
 * times the JDK's in the same round with least and most in brackets, and where strace(1) is there, the share of the durable bytes
 * that the library carried.
 */
public final class CompareSystems {
    private static final int TRACED_COMMITS = 300;

    private final Path root;
    private int rounds = 3;
    private double seconds = 3;
    private List<Candidate> candidates = List.of(Candidate.values());
    private List<Way> ways = List.of(Way.values());

    private CompareSystems(final Path root) {
        this.root = root;
    }

    public static void main(final String[] arguments) throws Exception {
        if (arguments.length % 2 == 0 || !Files.isDirectory(Path.of(arguments[0]))) {
            System.err.println(
                    "usage: bench/systems DIRECTORY [--rounds N] [--seconds S] [--only NAME,...] [--ways WAY,...],"
                            + " NAME one of " + Arrays.toString(Candidate.values())
                            + ", WAY one of " + Arrays.toString(Way.values()));
            System.exit(2);
        }
        final CompareSystems comparison =
                new CompareSystems(Path.of(arguments[0]).toAbsolutePath().normalize());
        for (int i = 1; i < arguments.length; i += 2) {
            comparison.set(arguments[i], arguments[i + 1]);
        }
        comparison.run();
    }

    private void set(final String option, final String value) {
        switch (option) {
            case "--rounds" -> rounds = Integer.parseInt(value);
            case "--seconds" -> seconds = Double.parseDouble(value);
            case "--only" ->
                candidates = Arrays.stream(value.toUpperCase(Locale.ROOT).split(","))
                        .map(Candidate::valueOf)
                        .toList();
            case "--ways" ->
                ways = Arrays.stream(value.toUpperCase(Locale.ROOT).split(","))
                        .map(Way::valueOf)
                        .toList();
            default -> throw new IllegalArgumentException("no option " + option);
        }
    }

    private void run() throws Exception {
        final Map<Candidate, Map<Way, List<Double>>> rates = new EnumMap<>(Candidate.class);
        for (int round = 1; round <= rounds; round++) {
            for (final Candidate candidate : candidates) {
                for (final Way way : inTurn(ways(candidate), round)) {
                    final double rate = measure(candidate, way);
                    System.err.printf(Locale.ROOT, "round %d: %s, %s: %.1f%n", round, candidate, way, rate);
                    rates.computeIfAbsent(candidate, key -> new EnumMap<>(Way.class))
                            .computeIfAbsent(way, key -> new ArrayList<>())
                            .add(rate);
                }
            }
        }
        print(rates, shares());
    }

    private List<Way> ways(final Candidate candidate) {
        return candidate.ways().stream().filter(ways::contains).toList();
    }

    private Map<Candidate, Map<Way, CarriedShare>> shares() throws IOException, InterruptedException {
        final Map<Candidate, Map<Way, CarriedShare>> shares = new EnumMap<>(Candidate.class);
        if (!CarriedShare.canBeMeasured()) {
            System.err.println("strace is not there, or may not trace: no shares");
            return shares;
        }
        for (final Candidate candidate : candidates) {
            final Map<Way, CarriedShare> ofCandidate = new EnumMap<>(Way.class);
            for (final Way way : ways(candidate)) {
                System.err.printf("share: %s, %s%n", candidate, way);
                final Path directory = TestDirectories.makeIn(root);
                try {
                    final CarriedShare share = CarriedShare.measure(candidate, way, directory, TRACED_COMMITS);
                    System.err.println(share);
                    ofCandidate.put(way, share);
                } catch (final IOException e) {
                    e.printStackTrace(); // the rates are worth a table without this share
                } finally {
                    TestDirectories.delete(directory);
                }
            }
            shares.put(candidate, ofCandidate);
        }
        return shares;
    }

    /*
     * Each way follows each other as often: what a run leaves behind costs the next one. ext4 does not use the inodes of
     * deleted files again for minutes, and searches past them.
     */
    private static List<Way> inTurn(final List<Way> ways, final int round) {
        final List<Way> turn = new ArrayList<>(ways);
        if (round % 2 == 0) {
            Collections.reverse(turn);
        }
        return turn;
    }

    private double measure(final Candidate candidate, final Way way) throws Exception {
        final Path directory = TestDirectories.makeIn(root);
        try {
            final Process process = candidate.start(List.of(), way, directory, "measure", seconds);
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                double rate = -1;
                String line;
                while ((line = lines.readLine()) != null) {
                    final String value = line.substring(line.indexOf(' ') + 1);
                    if (line.startsWith("commits/s ")) {
                        rate = Double.parseDouble(value);
                    } else if (value.equals("0") != (way == Way.JDK || !candidate.isCarried())) {
                        throw new IOException(candidate + ", " + way + ": " + line + " through the library");
                    }
                }
                if (process.waitFor() != 0 || rate < 0) {
                    throw new IOException(candidate + ", " + way + ": exit status " + process.exitValue());
                }
                return rate;
            } finally {
                process.destroyForcibly().waitFor();
            }
        } finally {
            TestDirectories.delete(directory);
        }
    }

    private static void print(
            final Map<Candidate, Map<Way, List<Double>>> rates, final Map<Candidate, Map<Way, CarriedShare>> shares) {
        final StringBuilder head = new StringBuilder("| commits/s |");
        final StringBuilder rule = new StringBuilder("| --- |");
        for (final Way way : Way.values()) {
            head.append(' ').append(way.title()).append(" |");
            rule.append(" ---: |");
        }
        System.out.println(head);
        System.out.println(rule);
        rates.forEach((candidate, ofWays) -> {
            final StringBuilder row = new StringBuilder("| " + candidate.title() + " |");
            for (final Way way : Way.values()) {
                final List<Double> values = ofWays.get(way);
                row.append(
                        values == null
                                ? " |"
                                : cell(candidate, way, values, ofWays.getOrDefault(Way.JDK, List.of()))
                                        + share(shares.getOrDefault(candidate, Map.of())
                                                .get(way)) + " |");
            }
            System.out.println(row);
        });
    }

    private static String share(final @Nullable CarriedShare share) {
        return share == null || share.carriedBytes() == 0
                ? ""
                : String.format(Locale.ROOT, ", %.1f %% carried", share.percent());
    }

    private static String cell(
            final Candidate candidate, final Way way, final List<Double> values, final List<Double> jdk) {
        final String rate =
                String.format(Locale.ROOT, " %s%,.0f", candidate.isDurable(way) ? "" : "not durable: ", median(values));
        if (way == Way.JDK || jdk.isEmpty()) {
            return rate;
        }
        final List<Double> ratios = new ArrayList<>();
        for (int round = 0; round < values.size(); round++) {
            ratios.add(values.get(round) / jdk.get(round));
        }
        ratios.sort(null);
        return String.format(
                Locale.ROOT,
                "%s, %.2f (%.2f..%.2f)",
                rate,
                median(ratios),
                ratios.get(0),
                ratios.get(ratios.size() - 1));
    }

    private static double median(final List<Double> values) {
        final List<Double> sorted = values.stream().sorted().toList();
        return (sorted.get((sorted.size() - 1) / 2) + sorted.get(sorted.size() / 2)) / 2;
    }
}
