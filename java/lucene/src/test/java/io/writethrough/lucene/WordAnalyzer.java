// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import java.io.IOException;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;

/** Words between spaces, as they are. */
final class WordAnalyzer extends Analyzer {
    @Override
    protected TokenStreamComponents createComponents(final String field) {
        return new TokenStreamComponents(new Words());
    }

    private static final class Words extends Tokenizer {
        private final CharTermAttribute term = addAttribute(CharTermAttribute.class);

        @Override
        public boolean incrementToken() throws IOException {
            clearAttributes();
            int next = input.read();
            while (next == ' ') {
                next = input.read();
            }
            while (next >= 0 && next != ' ') {
                term.append((char) next);
                next = input.read();
            }
            return term.length() > 0;
        }
    }
}
