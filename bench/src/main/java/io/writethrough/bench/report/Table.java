// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** A table that reads well on a terminal and is Markdown at once. The first column is text, the others numbers. */
public final class Table {
    private final List<List<String>> rows = new ArrayList<>();

    /** With these headings. */
    public Table(List<String> headings) {
        rows.add(List.copyOf(headings));
    }

    /** Adds a row with a cell for every heading. */
    public void row(List<String> cells) {
        if (cells.size() != rows.get(0).size()) {
            throw new IllegalArgumentException(
                    cells.size() + " cells for " + rows.get(0).size() + " columns");
        }
        rows.add(List.copyOf(cells));
    }

    @Override
    public String toString() {
        int[] widths = widths();
        StringBuilder text = new StringBuilder();
        text.append(line(rows.get(0), widths));
        text.append(rule(widths));
        for (List<String> row : rows.subList(1, rows.size())) {
            text.append(line(row, widths));
        }
        return text.toString();
    }

    private int[] widths() {
        int[] widths = new int[rows.get(0).size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(Math.max(widths[i], 3), row.get(i).length());
            }
        }
        return widths;
    }

    private static String line(List<String> cells, int[] widths) {
        StringJoiner line = new StringJoiner(" | ", "| ", " |\n");
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - cells.get(i).length());
            line.add(i == 0 ? cells.get(i) + padding : padding + cells.get(i));
        }
        return line.toString();
    }

    private static String rule(int[] widths) {
        StringJoiner line = new StringJoiner(" | ", "| ", " |\n");
        for (int i = 0; i < widths.length; i++) {
            line.add("-".repeat(widths[i] - (i == 0 ? 0 : 1)) + (i == 0 ? "" : ":"));
        }
        return line.toString();
    }
}
