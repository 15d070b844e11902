// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jmh.Main;

/** JMH with its profiler of allocation on. */
public final class JmhMain {
    private JmhMain() {}

    /** Takes the options of JMH. */
    public static void main(String[] arguments) throws IOException {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        if (!all.contains("-prof")) {
            all.addAll(List.of("-prof", "gc"));
        }
        Main.main(all.toArray(String[]::new));
    }
}
