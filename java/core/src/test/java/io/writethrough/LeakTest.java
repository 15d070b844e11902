// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is not closed before it is lost is closed then, and reported once. */
class LeakTest extends OnEveryFileSystem {
    private final Logger logger = Logger.getLogger("io.writethrough");
    private final BlockingQueue<LogRecord> reports = new LinkedBlockingQueue<>();

    /* A filter is asked for each report, and this one takes it. */
    @BeforeEach
    void listen() {
        logger.setFilter(report -> {
            reports.add(report);
            return false;
        });
    }

    @AfterEach
    void stopListening() {
        logger.setFilter(null);
    }

    @Test
    void aLostFileIsClosedAndReportedOnce() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughEngine another = WriteThroughEngine.builder().build()) {
            loseAFile(engine);
            final LogRecord report = collectUntilReport();
            assertEquals(Level.WARNING, report.getLevel());
            assertTrue(text(report).contains("The WriteThroughFile " + path), text(report));
            assertEquals(0, engine.stats().openFiles());
            another.open(path, READ, WRITE).close();
            assertNoFurtherReport();
        }
    }

    private void loseAFile(final WriteThroughEngine engine) throws IOException {
        engine.open(path, CREATE, READ, WRITE).write(buffer(10, 1), 0);
    }

    @Test
    void aLostEngineIsClosedAndReportedOnce() throws Exception {
        loseAnEngine();
        final LogRecord report = collectUntilReport();
        assertTrue(text(report).contains("WriteThroughEngine"), text(report));
        assertNoFurtherReport();
    }

    private static void loseAnEngine() throws IOException {
        WriteThroughEngine.builder().build().stats();
    }

    @Test
    void anEngineIsNotLostWhileOneOfItsFilesIsReachable() throws Exception {
        useAFileOfALostEngine();
        assertNotNull(collectUntilReport(), "the engine, now that its file is gone too");
    }

    private void useAFileOfALostEngine() throws Exception {
        try (WriteThroughFile file = WriteThroughEngine.builder().build().open(path, CREATE, READ, WRITE)) {
            assertNoFurtherReport();
            assertEquals(10, file.write(buffer(10, 1), 0));
        }
    }

    @Test
    void anEngineIsNotLostBeforeTheThreadOfItsLaneHasEnded() throws Exception {
        final CountDownLatch lost = new CountDownLatch(1);
        final CountDownLatch collected = new CountDownLatch(1);
        final Thread thread = new Thread(() -> {
            loseALane();
            lost.countDown();
            awaitQuietly(collected);
        });
        thread.start();
        assertTrue(lost.await(20, TimeUnit.SECONDS));
        assertNoFurtherReport();
        collected.countDown();
        thread.join();
        collectUntilReportOfEngine();
        assertNoFurtherReport();
        try (WriteThroughEngine another = WriteThroughEngine.builder().build()) {
            another.open(path, READ, WRITE).close();
        }
    }

    private void loseALane() {
        try {
            final WriteThroughEngine engine = WriteThroughEngine.builder().build();
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            engine.openLane().write(file, buffer(10, 1), 0, 1);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void awaitQuietly(final CountDownLatch latch) {
        try {
            latch.await();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void whatIsClosedIsNotReported() throws Exception {
        openAndClose();
        assertNoFurtherReport();
    }

    private void openAndClose() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            engine.open(path, CREATE, READ, WRITE).close();
            engine.open(path, CREATE, READ, WRITE);
        }
    }

    private LogRecord collectUntilReport() throws InterruptedException {
        for (int i = 0; i < 300; i++) {
            System.gc();
            final LogRecord report = reports.poll(100, TimeUnit.MILLISECONDS);
            if (report != null) {
                return report;
            }
        }
        throw new AssertionError("no report after 300 collections");
    }

    /* The file and the engine are lost together. If the file is closed first, it is reported too. */
    private void collectUntilReportOfEngine() throws InterruptedException {
        final String first = text(collectUntilReport());
        if (!first.contains("WriteThroughEngine")) {
            assertTrue(first.contains("The WriteThroughFile " + path), first);
            final String second = text(collectUntilReport());
            assertTrue(second.contains("WriteThroughEngine"), second);
        }
    }

    private void assertNoFurtherReport() throws InterruptedException {
        for (int i = 0; i < 5; i++) {
            System.gc();
            final LogRecord report = reports.poll(20, TimeUnit.MILLISECONDS);
            assertNull(report, () -> text(report));
        }
    }

    private static String text(final LogRecord report) {
        return new SimpleFormatter().formatMessage(report);
    }
}
