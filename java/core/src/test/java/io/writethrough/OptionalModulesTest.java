// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A runtime without the flight recorder and without JMX is enough, and who asks for nothing gets no thread. */
class OptionalModulesTest {
    @TempDir
    Path directory;

    static final class Use {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.write(ByteBuffer.allocate(10), 0);
                file.writeAsync(ByteBuffer.allocate(10), 10).join();
                file.read(ByteBuffer.allocate(20), 0);
                System.out.println(WriteThroughEngine.shared().stats().writes());
            }
            for (final String module : new String[] {"java.management", "jdk.jfr"}) {
                System.out.println(
                        module + " " + ModuleLayer.boot().findModule(module).isPresent());
            }
            System.out.println("observed "
                    + Thread.getAllStackTraces().keySet().stream()
                            .anyMatch(thread -> thread.getName().equals("writethrough-observer")));
        }
    }

    private String run(final String option) throws Exception {
        return ChildJvm.of(Use.class, directory.resolve("file").toString())
                .withOption(option)
                .run()
                .output();
    }

    @Test
    void itWorksWithoutTheFlightRecorderAndWithoutJmx() throws Exception {
        assertEquals(
                "2\njava.management false\njdk.jfr false\nobserved true\n",
                run("--limit-modules=java.base,java.logging,jdk.unsupported"));
    }

    @Test
    void withoutAThresholdThereIsNoThreadForTheLog() throws Exception {
        assertEquals(
                "2\njava.management true\njdk.jfr true\nobserved false\n", run("-Dio.writethrough.slowIoMillis=0"));
    }
}
