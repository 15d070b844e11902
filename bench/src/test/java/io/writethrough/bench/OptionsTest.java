// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.Options.Effort;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OptionsTest {
    @TempDir
    private Path directory;

    private Options parse(String... more) {
        String[] arguments = new String[more.length + 1];
        arguments[0] = directory.toString();
        System.arraycopy(more, 0, arguments, 1, more.length);
        return Options.parse(arguments);
    }

    @Test
    void onlyTheDirectoryIsNeeded() {
        Options options = parse();
        assertEquals(Effort.USUAL, options.effort());
        assertNull(options.slice());
        assertEquals(5, options.rounds());
        assertEquals(directory.resolve("writethrough-report"), options.output());
        assertTrue(options.wants("scaling"));
    }

    @Test
    void quickLeavesOutWhatTakesLongUnlessItIsAskedFor() {
        assertFalse(parse("--quick").wants("scaling"));
        assertFalse(parse("--quick").wants("append-open"));
        assertTrue(parse().wants("append-open"));
        assertTrue(parse("--quick").wants("open-close"));
        assertTrue(parse("--quick", "--only", "scaling").wants("scaling"));
        assertTrue(parse("--full").rounds() > parse().rounds());
    }

    @Test
    void whatIsSaidWinsOverTheEffort() {
        Options options = parse("--quick", "--seconds", "2.5", "--rounds", "4", "--only", "read-heap,growth");
        assertEquals(Duration.ofMillis(2500), options.slice());
        assertEquals(4, options.rounds());
        assertEquals(List.of("read-heap", "growth"), options.only());
    }

    @Test
    void everyWorkloadCanBeNamedAlone() throws IOException {
        try (Scratch scratch = new Scratch(directory)) {
            List<String> ids =
                    Workloads.all(scratch, true).stream().map(Workload::id).toList();
            assertEquals(Workloads.IDS, ids);
            ids.forEach(id -> assertTrue(parse("--only", id).wants(id)));
        }
    }

    @Test
    void aDiskThatTakesNoTimeIsMadeByTheScriptAndHasWorkloadsOfItsOwn() throws IOException {
        assertThrows(IllegalArgumentException.class, () -> parse("--instant"));
        Path mounted = directory.resolve("mounted");
        System.setProperty(Options.INSTANT, mounted.toString());
        try {
            Options options = parse("--instant");
            assertEquals(mounted, options.directory());
            assertEquals(directory.resolve("writethrough-report-instant"), options.output());
            assertTrue(options.wants(Workloads.OVERWRITE_2));
            assertFalse(options.wants(Workloads.READ));
            assertFalse(options.wants("growth"));
            assertTrue(options.wants("append-open"));
            assertFalse(parse().wants(Workloads.OVERWRITE_2));
        } finally {
            System.clearProperty(Options.INSTANT);
        }
    }

    @Test
    void nonsenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> parse("--seconds"));
        assertThrows(IllegalArgumentException.class, () -> parse("--rounds", "0"));
        assertThrows(IllegalArgumentException.class, () -> parse("--fast"));
        assertThrows(IllegalArgumentException.class, () -> parse("another"));
        assertThrows(IllegalArgumentException.class, () -> Options.parse(new String[] {"--quick"}));
        assertThrows(IllegalArgumentException.class, () -> parse("--only", "nothing-of-that-name"));
    }
}
