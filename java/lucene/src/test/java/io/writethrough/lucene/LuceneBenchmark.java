// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import io.writethrough.WriteThroughEngine;
import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PhraseQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSLockFactory;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.store.NIOFSDirectory;

/**
 * Compares directories on an index of text that is made here: LuceneBenchmark DIRECTORY ROUNDS SECONDS DOCUMENTS LIMIT_MIB.
 * Each measurement is a JVM of its own, and in each round the directories take turns. Told are the medians, and the median,
 * least and most of the ratios of the rounds.
 */
final class LuceneBenchmark {
    private static final int WORDS_OF_DOCUMENT = 400;
    private static final int WORDS_OF_SMALL_DOCUMENT = 50;
    private static final int DOCUMENTS_OF_COMMIT = 1000;
    private static final int QUERIES = 1000;
    private static final int THREADS_UNDER_PRESSURE = 8;
    private static final int NUMBERS_OF_ROUND = 1_000_000;

    private LuceneBenchmark() {}

    private enum Kind {
        WRITE_THROUGH,
        MMAP,
        NIOFS;

        Directory open(final Path path, final WriteThroughEngine engine) throws IOException {
            return switch (this) {
                case WRITE_THROUGH -> new WriteThroughDirectory(path, FSLockFactory.getDefault(), engine);
                case MMAP -> new MMapDirectory(path);
                case NIOFS -> new NIOFSDirectory(path);
            };
        }
    }

    public static void main(final String[] arguments) throws Exception {
        if (arguments[0].equals("--queries")) {
            queries(arguments);
        } else if (arguments[0].equals("--commits")) {
            commits(arguments);
        } else {
            compare(arguments);
        }
    }

    private static void compare(final String[] arguments) throws Exception {
        final Path place = Files.createTempDirectory(Path.of(arguments[0]), "writethrough-lucene-");
        final int rounds = Integer.parseInt(arguments[1]);
        final String seconds = arguments[2];
        final int documents = Integer.parseInt(arguments[3]);
        try {
            final Path index = place.resolve("index");
            final long bytes = makeIndex(index, documents);
            final long limit = arguments[4].equals("0") ? bytes / 4 : Long.parseLong(arguments[4]) << 20;
            System.out.printf(
                    Locale.ROOT,
                    "An index of %d documents, %d MiB; the limit is %d MiB%n",
                    documents,
                    bytes >> 20,
                    limit >> 20);
            final long cacheOfAll = bytes + bytes / 4 + (64 << 20);
            tell(
                    "queries/s, warm",
                    rounds,
                    List.of(Kind.values()),
                    kind -> measured(
                            List.of(),
                            "-Xmx1g",
                            "--queries",
                            kind.name(),
                            index.toString(),
                            "1",
                            seconds,
                            Long.toString(cacheOfAll)));
            try (MemoryGroup group = new MemoryGroup(limit)) {
                tell("queries/s, an index larger than the memory", rounds, List.of(Kind.values()), kind -> {
                    dropPageCache();
                    return measured(
                            group.wrapper(),
                            "-Xmx" + (limit / 4 >> 20) + "m",
                            "--queries",
                            kind.name(),
                            index.toString(),
                            Integer.toString(THREADS_UNDER_PRESSURE),
                            seconds,
                            Long.toString(limit * 3 / 8));
                });
            } catch (final IOException e) {
                System.out.println("SKIPPED: queries in a limited memory, no control group can be made here: " + e);
            }
            tell(
                    "documents/s, a commit after each 1000",
                    rounds,
                    List.of(Kind.WRITE_THROUGH, Kind.NIOFS),
                    kind -> measured(
                            List.of(),
                            "-Xmx1g",
                            "--commits",
                            kind.name(),
                            place.resolve("commits").toString(),
                            seconds));
        } finally {
            TestDirectories.delete(place);
        }
    }

    private static void dropPageCache() {
        try {
            Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "1");
        } catch (final IOException e) {
            System.out.println("The page cache stays as it was: " + e);
        }
    }

    /* ---- rounds ---- */

    private static void tell(
            final String title, final int rounds, final List<Kind> kinds, final ToDoubleFunction<Kind> measure) {
        final double[][] rates = new double[kinds.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < kinds.size(); i++) {
                final int which = (round + i) % kinds.size(); // each is the first one at some time
                rates[which][round] = measure.applyAsDouble(kinds.get(which));
            }
        }
        System.out.println(title);
        for (int which = 0; which < kinds.size(); which++) {
            System.out.printf(Locale.ROOT, "    %-14s %10.1f", kinds.get(which), median(rates[which]));
            if (which > 0) {
                final double[] ratios = new double[rounds];
                for (int round = 0; round < rounds; round++) {
                    ratios[round] = rates[0][round] / rates[which][round];
                }
                System.out.printf(
                        Locale.ROOT,
                        "   write-through is %.2f times that (%.2f to %.2f)",
                        median(ratios),
                        Arrays.stream(ratios).min().orElseThrow(),
                        Arrays.stream(ratios).max().orElseThrow());
            }
            System.out.println();
        }
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /* The last line of another JVM is its rate. */
    private static double measured(final List<String> wrapper, final String heap, final String... arguments) {
        try {
            final Process child = ChildJvm.start(wrapper, List.of(heap), LuceneBenchmark.class, arguments);
            String last = "";
            try (BufferedReader lines = child.inputReader()) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    last = line;
                }
            }
            if (child.waitFor() != 0) {
                throw new IllegalStateException(Arrays.toString(arguments) + " ended with " + child.exitValue());
            }
            return Double.parseDouble(last);
        } catch (final IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /* ---- the index ---- */

    private static Document document(final int number, final int words) {
        final Document document = new Document();
        document.add(new TextField("text", ZipfText.document(number, words)));
        return document;
    }

    private static long makeIndex(final Path path, final int documents) throws Exception {
        final int threads = Runtime.getRuntime().availableProcessors();
        final ExecutorService executor = Executors.newFixedThreadPool(threads);
        try (Directory directory = new NIOFSDirectory(path);
                IndexWriter writer =
                        new IndexWriter(directory, new IndexWriterConfig(new WordAnalyzer()).setRAMBufferSizeMB(256))) {
            final List<Callable<Void>> parts = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                final int first = thread;
                parts.add(() -> {
                    for (int number = first; number < documents; number += threads) {
                        writer.addDocument(document(number, WORDS_OF_DOCUMENT));
                    }
                    return null;
                });
            }
            for (final Future<Void> part : executor.invokeAll(parts)) {
                part.get();
            }
            writer.commit();
        } finally {
            executor.shutdown();
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        }
    }

    /* ---- one measurement, in a JVM of its own ---- */

    /* Half of them are words, of all frequencies; half are phrases of two words that are not rare. */
    private static List<Query> someQueries(final int thread) {
        final SplittableRandom random = new SplittableRandom(thread);
        final List<Query> queries = new ArrayList<>();
        for (int i = 0; i < QUERIES; i += 2) {
            queries.add(new TermQuery(new Term("text", ZipfText.word(rank(random, 10, ZipfText.WORDS)))));
            queries.add(new PhraseQuery(
                    "text", ZipfText.word(rank(random, 10, 3000)), ZipfText.word(rank(random, 10, 3000))));
        }
        return queries;
    }

    private static int rank(final SplittableRandom random, final int least, final int most) {
        return (int) (least * Math.pow((double) most / least, random.nextDouble()));
    }

    private static void queries(final String[] arguments) throws Exception {
        final Kind kind = Kind.valueOf(arguments[1]);
        final int threads = Integer.parseInt(arguments[3]);
        final long span = Long.parseLong(arguments[4]) * 1_000_000_000;
        final ExecutorService executor = Executors.newFixedThreadPool(threads);
        IndexSearcher.setDefaultQueryCache(null);
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .cacheBytes(Long.parseLong(arguments[5]))
                        .build();
                Directory directory = kind.open(Path.of(arguments[2]), engine);
                DirectoryReader reader = DirectoryReader.open(directory)) {
            final IndexSearcher searcher = new IndexSearcher(reader);
            final List<Callable<Long>> parts = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                final List<Query> queries = someQueries(thread);
                parts.add(() -> {
                    search(searcher, queries, span); // all that is cached or compiled
                    return search(searcher, queries, span);
                });
            }
            long searches = 0;
            for (final Future<Long> part : executor.invokeAll(parts)) {
                searches += part.get();
            }
            System.out.println(searches * 1e9 / span);
        } finally {
            executor.shutdown();
        }
    }

    private static long search(final IndexSearcher searcher, final List<Query> queries, final long span)
            throws IOException {
        final long end = System.nanoTime() + span;
        long searches = 0;
        while (System.nanoTime() < end) {
            searcher.search(queries.get((int) (searches % queries.size())), 10);
            searches++;
        }
        return searches;
    }

    private static void commits(final String[] arguments) throws IOException {
        final Kind kind = Kind.valueOf(arguments[1]);
        final Path path = Path.of(arguments[2]);
        final long span = Long.parseLong(arguments[3]) * 1_000_000_000;
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(256 << 20).build();
                Directory directory = kind.open(path, engine);
                IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(new WordAnalyzer()))) {
            commitFor(writer, span, 0); // until all is compiled
            final long begin = System.nanoTime();
            final int documents = commitFor(writer, span, NUMBERS_OF_ROUND);
            System.out.println(documents * 1e9 / (System.nanoTime() - begin));
        }
        TestDirectories.delete(path);
    }

    private static int commitFor(final IndexWriter writer, final long span, final int first) throws IOException {
        final long end = System.nanoTime() + span;
        int documents = 0;
        while (System.nanoTime() < end) {
            for (int i = 0; i < DOCUMENTS_OF_COMMIT; i++) {
                writer.addDocument(document(first + documents++, WORDS_OF_SMALL_DOCUMENT));
            }
            writer.commit();
        }
        return documents;
    }
}
