// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import java.util.SplittableRandom;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;

/** Documents of words whose frequencies are those of a language: the word of rank r is drawn with a weight of 1/r. */
final class ZipfText {
    static final int WORDS = 300_000;

    private static final int[] RANKS = ranks(1 << 22);

    private ZipfText() {}

    /* The rank at each of so many points of the cumulative distribution. */
    private static int[] ranks(final int points) {
        double sum = 0;
        for (int rank = 1; rank <= WORDS; rank++) {
            sum += 1.0 / rank;
        }
        final int[] ranks = new int[points];
        int rank = 1;
        double reached = 1;
        for (int i = 0; i < points; i++) {
            while (reached < sum * (i + 0.5) / points && rank < WORDS) {
                reached += 1.0 / ++rank;
            }
            ranks[i] = rank;
        }
        return ranks;
    }

    static String word(final int rank) {
        return Integer.toString(rank, Character.MAX_RADIX);
    }

    /** The words of one document, the same for the same number. */
    static TokenStream document(final int number, final int words) {
        return new Words(new SplittableRandom(number), words);
    }

    private static final class Words extends TokenStream {
        private final CharTermAttribute term = addAttribute(CharTermAttribute.class);
        private final SplittableRandom random;
        private int left;

        Words(final SplittableRandom random, final int words) {
            this.random = random;
            this.left = words;
        }

        @Override
        public boolean incrementToken() {
            clearAttributes();
            if (left-- <= 0) {
                return false;
            }
            term.append(word(RANKS[random.nextInt() & RANKS.length - 1]));
            return true;
        }
    }
}
