// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.NIOFSDirectory;
import org.apache.lucene.util.BytesRef;
import org.jspecify.annotations.Nullable;

/** An index of Lucene, on file channels: each record is a document, found by its number. */
final class LuceneProgram {
    private LuceneProgram() {}

    public static void main(final String[] arguments) {
        Program.run(Index::new, arguments);
    }

    private static final class Index implements Records {
        private final Directory directory;
        private final IndexWriter writer;
        private @Nullable DirectoryReader reader;

        Index(final Path path) throws IOException {
            directory = new NIOFSDirectory(path);
            writer = new IndexWriter(directory, new IndexWriterConfig());
        }

        @Override
        public void commit(final long number, final byte[] record) throws IOException {
            final Document document = new Document();
            document.add(new StringField("number", Long.toString(number), Field.Store.NO));
            document.add(new StoredField("record", record));
            writer.addDocument(document);
            writer.commit();
        }

        @Override
        public byte @Nullable [] read(final long number) throws IOException {
            if (reader == null) {
                reader = DirectoryReader.open(directory);
            }
            final IndexSearcher searcher = new IndexSearcher(reader);
            final TopDocs found = searcher.search(new TermQuery(new Term("number", Long.toString(number))), 2);
            if (found.scoreDocs.length != 1) {
                return null;
            }
            final BytesRef record =
                    searcher.storedFields().document(found.scoreDocs[0].doc).getBinaryValue("record");
            return BytesRef.deepCopyOf(record).bytes;
        }

        @Override
        public void close() throws IOException {
            if (reader != null) {
                reader.close();
            }
            writer.close();
            directory.close();
        }
    }
}
