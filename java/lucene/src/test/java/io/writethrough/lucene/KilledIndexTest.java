// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.CheckIndex;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.NIOFSDirectory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that commits is killed, again and again; the index is whole, and has each commit that was acknowledged. */
@Timeout(300)
class KilledIndexTest {
    private static final int[] COMMITS = {1, 12, 5};

    private Path path;

    @BeforeEach
    void make() throws IOException {
        path = TestDirectories.make();
    }

    @AfterEach
    void delete() throws IOException {
        TestDirectories.delete(path);
    }

    @Test
    void aKilledIndexIsWholeAndHasEachCommitThatWasAcknowledged() throws Exception {
        for (final int commits : COMMITS) {
            final int acknowledged = killedAfter(commits);
            check(acknowledged);
        }
    }

    private int killedAfter(final int commits) throws Exception {
        final Process child = ChildJvm.start(Load.class, path.toString());
        int acknowledged = 0;
        try (BufferedReader lines = child.inputReader()) {
            String line;
            int told = 0;
            while ((line = lines.readLine()) != null && line.endsWith(";")) {
                acknowledged = Integer.parseInt(line.substring(0, line.length() - 1));
                if (++told == commits) {
                    child.toHandle().destroyForcibly(); // SIGKILL, and its output stays open
                }
            }
            assertTrue(told >= commits, "the load ended by itself after " + told + " commits");
        } finally {
            child.destroyForcibly().waitFor();
        }
        assertEquals(128 + 9, child.exitValue());
        return acknowledged;
    }

    /* By the JDK's files: nothing is taken from a cache that knows more than the files. */
    private void check(final int acknowledged) throws IOException {
        try (NIOFSDirectory directory = new NIOFSDirectory(path)) {
            try (CheckIndex check = new CheckIndex(directory)) {
                assertTrue(check.checkIndex().clean, "the index is damaged");
            }
            try (DirectoryReader reader = DirectoryReader.open(directory)) {
                assertTrue(reader.numDocs() >= acknowledged, reader.numDocs() + " of " + acknowledged + " documents");
                final IndexSearcher searcher = new IndexSearcher(reader);
                for (int id = 0; id < acknowledged; id++) {
                    assertEquals(1, searcher.count(new TermQuery(new Term("id", Integer.toString(id)))), "id " + id);
                }
            }
        }
    }

    /** Goes on with the index that is there, and tells the count of its documents after each commit. */
    static final class Load {
        private static final int DOCUMENTS_OF_COMMIT = 20;

        private Load() {}

        public static void main(final String[] arguments) throws IOException {
            final Random random = new Random(1);
            final IndexWriterConfig config = new IndexWriterConfig(new WordAnalyzer());
            try (WriteThroughDirectory directory = new WriteThroughDirectory(Path.of(arguments[0]));
                    IndexWriter writer = new IndexWriter(directory, config)) {
                int id = writer.getDocStats().numDocs;
                while (true) {
                    for (int i = 0; i < DOCUMENTS_OF_COMMIT; i++) {
                        final Document document = new Document();
                        document.add(new StringField("id", Integer.toString(id++), Field.Store.YES));
                        final StringBuilder text = new StringBuilder();
                        for (int word = 0; word < 50; word++) {
                            text.append(random.nextInt(1000)).append(' ');
                        }
                        document.add(new TextField("text", text.toString(), Field.Store.YES));
                        writer.addDocument(document);
                    }
                    writer.commit();
                    System.out.println(id + ";");
                }
            }
        }
    }
}
