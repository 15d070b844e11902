// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.contender.AppendCalls;
import io.writethrough.bench.contender.AppendGroupCommit;
import io.writethrough.bench.contender.ArrivalCalls;
import io.writethrough.bench.contender.ArrivalFutures;
import io.writethrough.bench.contender.ArrivalLane;
import io.writethrough.bench.contender.ArrivalWay;
import io.writethrough.bench.contender.Arrivals;
import io.writethrough.bench.contender.OpenAppends;
import io.writethrough.bench.measure.Calm;
import io.writethrough.bench.report.LatencyCurve;
import io.writethrough.bench.report.LatencyCurve.Point;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.report.Spread;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * How long an append takes when records arrive whether those before are durable or not, from a low rate up to nearly the
 * most that a way can do. All ways run at one rate after each other, all rates in every round, and the median counts.
 */
final class Latency {
    /** For the command line. */
    static final String ID = "append-open";

    private static final double[] PERCENT_OF_MOST = {1, 10, 25, 50, 75, 90};
    private static final int CALLERS = 64;
    private static final int IN_FLIGHT = 256;
    private static final int WARM_SLICES = 3;
    private static final int MOST_ROUNDS = 5;

    private final List<Way> ways;
    private final boolean instant;
    private final int rounds;
    private final long nanos;
    private final double slices;
    private final Budget budget;
    private final Progress progress;

    Latency(Scratch scratch, Options options, Budget budget, Progress progress) {
        this.ways = ways(scratch);
        this.instant = options.instant();
        this.rounds = rounds(options);
        this.nanos = budget.slice().toNanos();
        this.slices = slices(options);
        this.budget = budget;
        this.progress = progress;
    }

    private static int rounds(Options options) {
        return Math.min(MOST_ROUNDS, options.rounds());
    }

    /** How many slices it is. */
    static double slices(Options options) {
        int rates = PERCENT_OF_MOST.length + (options.instant() ? 1 : 0);
        return ways(null).size() * (WARM_SLICES + (1.0 + rates) * rounds(options));
    }

    private static List<Way> ways(Scratch scratch) {
        return List.of(
                new Way(Workloads.LANE, () -> new ArrivalLane(scratch.path("log-open-lane"), IN_FLIGHT)),
                new Way(Workloads.FUTURES, () -> new ArrivalFutures(scratch.path("log-open-futures"), IN_FLIGHT)),
                new Way(
                        Workloads.CALLS,
                        () -> new ArrivalCalls(new AppendCalls(scratch.path("log-open-calls"), CALLERS), CALLERS)),
                new Way(
                        Workloads.GROUP_COMMIT,
                        () -> new ArrivalCalls(new AppendGroupCommit(scratch.log("log-buffered"), CALLERS), CALLERS)));
    }

    /** One way, and what was measured of it. */
    private static final class Way {
        private final String name;
        private final ArrivalWay.Opener opener;
        private OpenAppends appends;
        private final List<Double> most = new ArrayList<>();
        private final List<Rate> rates = new ArrayList<>();

        Way(String name, ArrivalWay.Opener opener) {
            this.name = name;
            this.opener = opener;
        }
    }

    /** One rate of a way, with what each round gave. */
    private record Rate(Double percent, double perSecond, List<OpenAppends.Measured> rounds) {
        Point point() {
            return new Point(
                    percent,
                    perSecond,
                    spread(round -> round.slice().rate()),
                    micros(round -> round.slice().latency(), 50),
                    micros(round -> round.slice().latency(), 99),
                    micros(round -> round.slice().latency(), 99.9),
                    micros(OpenAppends.Measured::late, 50));
        }

        private Spread micros(Function<OpenAppends.Measured, Histogram> times, double percentile) {
            return spread(round -> times.apply(round).getValueAtPercentile(percentile) / 1000.0);
        }

        private Spread spread(ToDoubleFunction<OpenAppends.Measured> value) {
            return Spread.of(rounds.stream().mapToDouble(value).boxed().toList());
        }
    }

    LatencyCurve run() throws IOException {
        List<Way> open = new ArrayList<>();
        try {
            for (Way way : ways) {
                open(way, open);
            }
            measureMost(open);
            for (Way way : open) {
                double most = Spread.of(way.most).median();
                for (double percent : PERCENT_OF_MOST) {
                    way.rates.add(new Rate(percent, most * percent / 100, new ArrayList<>()));
                }
                if (instant) {
                    way.rates.add(new Rate(null, LatencyCurve.MARK, new ArrayList<>()));
                }
            }
            measureRates(open);
        } finally {
            for (Way way : open) {
                way.appends.close();
            }
        }
        budget.spend(slices, Duration.ofNanos((long) (slices * nanos)));
        return new LatencyCurve(
                ID,
                "Latency of appends with open arrivals: records of 128 bytes to one log, arrivals of a Poisson process",
                open.stream()
                        .map(way -> new LatencyCurve.Way(
                                way.name,
                                Spread.of(way.most),
                                way.rates.stream().map(Rate::point).toList()))
                        .toList());
    }

    /** A way that does not work here is left out. */
    private void open(Way way, List<Way> open) throws IOException {
        try {
            way.appends = new OpenAppends(way.opener.open());
            open.add(way);
        } catch (UnsupportedOperationException e) {
            progress.note("SKIPPED: " + way.name + " in " + ID + ": " + e.getMessage());
        }
    }

    private void measureMost(List<Way> open) throws IOException {
        for (int slice = -WARM_SLICES; slice < rounds; slice++) {
            for (Way way : open) {
                if (slice > 0 && budget.over()) {
                    return;
                }
                budget.requireTime();
                progress.step(ID + ": the most of " + way.name);
                Calm.await();
                double rate = way.appends.most(nanos).rate();
                if (slice >= 0) {
                    way.most.add(rate);
                }
            }
        }
    }

    private void measureRates(List<Way> open) throws IOException {
        int rates = open.get(0).rates.size();
        for (int round = 0; round < rounds; round++) {
            for (int turn = 0; turn < rates; turn++) {
                int step = (round + turn) % rates;
                for (int i = 0; i < open.size(); i++) {
                    if (round > 0 && budget.over()) {
                        return;
                    }
                    budget.requireTime();
                    Way way = open.get((round + i) % open.size());
                    Rate rate = way.rates.get(step);
                    progress.step("%s: %,.0f arrivals/s, %s".formatted(ID, rate.perSecond, way.name));
                    Calm.await();
                    rate.rounds.add(way.appends.run(Arrivals.poisson(rate.perSecond, nanos, round), nanos));
                }
            }
        }
    }
}
