// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that know nothing of the agent, in JVMs that have it. */
class AgentTest {
    private static final int KILLED_AFTER = 300;

    @TempDir
    Path directory;

    private String paths() {
        return "paths=glob:" + directory + "/**";
    }

    @Test
    void oneOptionCarriesFilesOfJavaIoAndOfJavaNio() throws Exception {
        assertEquals(
                "all well\n",
                AgentJvm.of(CarriedFiles.class, directory)
                        .withAgent(paths() + ";passBy=glob:**.log")
                        .run()
                        .successful());
    }

    @Test
    void aRelativeNameIsInTheDirectoryOfTheProcessAndNotInThatOfTheProperty() throws Exception {
        final Path real = Files.createDirectory(directory.resolve("real"));
        final Path said = Files.createDirectory(directory.resolve("said"));
        final String output = AgentJvm.of(ShortProgram.class, "file")
                .under("env", "-C", real.toString())
                .with("-Duser.dir=" + said)
                .withAgent(paths())
                .run()
                .successful();
        assertTrue(output.startsWith("4 bytes, by FileChannel of WriteThroughFile["), output);
        assertEquals("text", Files.readString(real.resolve("file")));
        assertFalse(Files.exists(said.resolve("file")));
    }

    @Test
    void theOptionsCanBeSystemProperties() throws Exception {
        assertEquals(
                "all well\n",
                AgentJvm.of(CarriedFiles.class, directory)
                        .with("-Dio.writethrough.paths=glob:" + directory + "/**")
                        .withAgent("passBy=glob:**.log")
                        .run()
                        .successful());
    }

    @Test
    void streamsCommitAtAForceAndBySyncedModes() throws Exception {
        assertEquals(
                "all well\n",
                AgentJvm.of(Commits.class, directory)
                        .withAgent(paths() + ";commitAtForce=glob:**.db")
                        .run()
                        .successful());
    }

    @Test
    void anInterruptClosesChannelsIfAskedAndNoStream() throws Exception {
        assertEquals(
                "all well\n",
                AgentJvm.of(Interrupts.class, directory, "close")
                        .withAgent(paths() + ";interrupts=close")
                        .run()
                        .successful());
        assertEquals(
                "all well\n",
                AgentJvm.of(Interrupts.class, directory, "ignore")
                        .withAgent(paths())
                        .run()
                        .successful());
    }

    @Test
    void aChildProcessWritesToItsOwnFile() throws Exception {
        final String output = AgentJvm.of(ChildProcess.class, directory)
                .withAgent(paths())
                .run()
                .successful();
        assertTrue(output.contains("child.txt is opened for a child process, and so not carried"), output);
        assertTrue(output.endsWith("all well\n"), output);
    }

    @Test
    void aLostStreamIsClosedWithAWarning() throws Exception {
        final String output = AgentJvm.of(LostStreams.class, directory)
                .withAgent(paths())
                .run()
                .successful();
        assertTrue(output.contains("was not closed before it became unreachable"), output);
        assertTrue(output.endsWith("all well\n"), output);
    }

    @Test
    void virtualThreadsAndThreadsThatRaceForAFileGetAllBytesThere() throws Exception {
        assertEquals(
                "all well\n",
                AgentJvm.of(Racers.class, directory).withAgent(paths()).run().successful());
    }

    @Test
    void noByteGoesByTheCallsOfTheJdk() throws Exception {
        assumeTrue(hasStrace(), "strace is not there, or may not trace");
        final Path log = directory.resolveSibling(directory.getFileName() + ".strace");
        AgentJvm.of(StreamContract.class, directory)
                .under("strace", "-f", "-y", "-o", log.toString(), "-e", "signal=none")
                .under("-e", "trace=write,pwrite64,writev,ftruncate,read,pread64")
                .withAgent(paths())
                .run()
                .successful();
        try (Stream<String> lines = Files.lines(log, StandardCharsets.ISO_8859_1)) {
            final List<String> calls = lines.filter(line -> line.contains("<" + directory + "/random"))
                    .toList();
            // The core itself reads by the first and truncates by its own descriptors.
            assertEquals(
                    List.of(),
                    calls.stream()
                            .filter(call -> call.matches(".* (write|pwrite64|writev|read)\\(.*"))
                            .toList());
        }
        Files.delete(log);
    }

    private static boolean hasStrace() throws InterruptedException {
        try {
            return new ProcessBuilder("strace", "-o", "/dev/null", "true")
                            .start()
                            .waitFor()
                    == 0;
        } catch (final IOException e) {
            return false;
        }
    }

    @Test
    void whatAKilledProgramWasToldOfIsThere() throws Exception {
        for (final String mode : List.of("sync", "rwd", "append")) {
            final Path file = directory.resolve(mode + ".db");
            final Process process = AgentJvm.of(KilledWriter.class, file, mode)
                    .withAgent(paths() + ";commitAtForce=glob:**.db")
                    .start();
            long told = 0;
            try (BufferedReader output = process.inputReader()) {
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    told = Long.parseLong(line);
                    if (told >= KILLED_AFTER) {
                        process.toHandle().destroyForcibly();
                    }
                }
            } finally {
                process.destroyForcibly();
            }
            assertEquals(128 + 9, process.waitFor());
            KilledWriter.check(Files.readAllBytes(file), told);
        }
    }

    @Test
    void aReportTellsWhatPassedByAndWhy() throws Exception {
        final String log = directory.resolve("a.log").toString();
        assertEquals(
                List.of(
                        "writethrough-agent: 3 writes and 2 forces of streams were carried; 4 passed by, 44 % of all",
                        "writethrough-agent:   3 times a force of " + log + ": the options leave the file to the JDK",
                        "writethrough-agent:   1 times an open of " + log
                                + " with rws or rwd: the options leave the file to the JDK"),
                AgentJvm.of(Reported.class, directory)
                        .withAgent(paths() + ";passBy=glob:**.log;report")
                        .run()
                        .successful()
                        .lines()
                        .toList());
    }

    @Test
    void aProgramInAJarIsCarried() throws Exception {
        final Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, ShortProgram.class.getName());
        final Path jar = directory.resolve("program.jar");
        final String name = ShortProgram.class.getName().replace('.', '/') + ".class";
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file, manifest)) {
            out.putNextEntry(new JarEntry(name));
            Files.copy(Path.of("target/test-classes").resolve(name), out);
        }
        assertCarries(AgentJvm.running(
                "-jar", jar.toString(), directory.resolve("data").toString()));
    }

    @Test
    void aProgramInAModuleIsCarried() throws Exception {
        final Path sources = Files.createDirectories(directory.resolve("source/program"));
        Files.writeString(sources.resolveSibling("module-info.java"), "module program {}");
        final Path program = Path.of("src/test/java/io/writethrough/agent/ShortProgram.java");
        Files.writeString(
                sources.resolve("ShortProgram.java"),
                Files.readString(program).replace("package io.writethrough.agent;", "package program;"));
        final Path classes = directory.resolve("modules/program");
        assertEquals(
                0,
                ToolProvider.findFirst("javac")
                        .orElseThrow()
                        .run(
                                System.out,
                                System.err,
                                "-d",
                                classes.toString(),
                                sources.resolveSibling("module-info.java").toString(),
                                sources.resolve("ShortProgram.java").toString()));
        assertCarries(AgentJvm.running(
                "-p",
                classes.getParent().toString(),
                "-m",
                "program/program.ShortProgram",
                directory.resolve("data").toString()));
    }

    private void assertCarries(final AgentJvm program) throws IOException, InterruptedException {
        assertEquals(
                "4 bytes, by FileChannel of WriteThroughFile[" + directory + "/data]\n",
                program.withAgent(paths()).run().successful());
        assertEquals("text", Files.readString(directory.resolve("data")));
    }

    @Test
    void optionsThatCannotBeKeepTheProgramFromStarting() throws Exception {
        for (final String options : List.of(
                "paths=everything",
                "path=glob:**",
                "report=yes",
                "paths=glob:**;paths=glob:**",
                "growAhead=glob:**",
                "interrupts=never")) {
            final AgentJvm.Result result = AgentJvm.of(ShortProgram.class, directory.resolve("data"))
                    .withAgent(options)
                    .run();
            assertEquals(1, result.exitCode(), result.output());
            assertTrue(result.output().startsWith("writethrough-agent: "), result.output());
            assertTrue(result.output().contains("The program does not start"), result.output());
            assertEquals(2, result.output().lines().count(), result.output());
        }
        final AgentJvm.Result result = AgentJvm.of(ShortProgram.class, directory.resolve("data"))
                .with("-Dio.writethrough.paths=glob:/other/**")
                .withAgent(paths())
                .run();
        assertTrue(result.output().contains("by the options of the agent"), result.output());
    }

    @Test
    void anotherDefaultFileSystemKeepsTheProgramFromStarting() throws Exception {
        final AgentJvm.Result result = AgentJvm.of(ShortProgram.class, directory.resolve("data"))
                .with("-Djava.nio.file.spi.DefaultFileSystemProvider=some.Other")
                .withAgent(paths())
                .run();
        assertEquals(1, result.exitCode());
        assertTrue(result.output().contains("the default file system is to be another one"), result.output());
        assertFalse(Files.exists(directory.resolve("data")));
    }
}
