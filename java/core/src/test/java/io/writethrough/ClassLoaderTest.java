// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Native;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Stream;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The library in more than one class loader, as of web applications, and without one of them again. */
@Timeout(180)
class ClassLoaderTest extends OnEveryFileSystem {
    private static final long UNLOAD_MILLIS = 60_000;

    /** Runs in a class loader of its own. With a path, uses all there is, and closes that; without, returns an open engine. */
    public static final class User implements BiFunction<Path, Boolean, AutoCloseable> {
        @Override
        public AutoCloseable apply(final Path path, final Boolean close) {
            try {
                final WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(1 << 20).build();
                if (close) {
                    use(engine, path);
                    engine.close();
                    WriteThroughEngine.closeShared();
                }
                return close ? null : engine;
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            } catch (final Exception e) {
                throw new IllegalStateException(e);
            }
        }

        private static void use(final WriteThroughEngine engine, final Path path) throws Exception {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            final ByteBuffer[] vector = {ByteBuffer.allocate(5000), ByteBuffer.allocate(10)};
            file.write(vector, 0);
            file.writeAsync(ByteBuffer.allocate(5000), 9).get();
            file.writeAllAsync(List.of(new WriteRequest(ByteBuffer.allocate(5), 0)))
                    .get(0)
                    .get();
            file.readAsync(ByteBuffer.allocate(10), 0).thenApply(count -> count).get();
            file.profile();
            StorageProfile.of(path);
            engine.stats();
            try (AsynchronousFileChannel channel = file.asAsynchronousFileChannel()) {
                channel.lock().get().release();
            }
            try (WriteThroughFile shared = WriteThroughFile.open(path, READ, WRITE)) {
                shared.append(ByteBuffer.allocate(10));
            }
        }
    }

    private static Path classes() throws URISyntaxException {
        return Path.of(WriteThroughEngine.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
    }

    /* A library that is no file of its own is copied for each class loader: one file the JVM loads once. */
    private Path jar() throws Exception {
        final Path jar = directory.resolve("library.jar");
        final Path classes = classes();
        if (Files.isRegularFile(classes)) {
            return Files.copy(classes, jar);
        }
        try (OutputStream bytes = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(bytes);
                Stream<Path> all = Files.walk(classes)) {
            for (final Path each : all.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(each).toString()));
                Files.copy(each, out);
            }
        }
        return jar;
    }

    private URLClassLoader loader(final Path jar, final ClassLoader parent, final boolean withJna) throws Exception {
        final List<URL> urls = new ArrayList<>();
        urls.add(jar.toUri().toURL());
        urls.add(ClassLoaderTest.class.getProtectionDomain().getCodeSource().getLocation());
        if (withJna) {
            urls.add(Native.class.getProtectionDomain().getCodeSource().getLocation());
        }
        return new URLClassLoader(urls.toArray(new URL[0]), parent);
    }

    @SuppressWarnings("unchecked")
    private static AutoCloseable run(final ClassLoader loader, final Path path, final boolean close) throws Exception {
        final Class<?> user = loader.loadClass(User.class.getName());
        assertTrue(user != User.class);
        return ((BiFunction<Path, Boolean, AutoCloseable>) user.getConstructor().newInstance()).apply(path, close);
    }

    private WeakReference<ClassLoader> useOnce(
            final Path jar, final ClassLoader parent, final boolean withJna, final ReferenceQueue<ClassLoader> lost)
            throws Exception {
        try (URLClassLoader loader = loader(jar, parent, withJna)) {
            run(loader, path, true);
            return new WeakReference<>(loader, lost);
        }
    }

    /* JNA's thread ends half a minute after it had the last to do: no need to wait for that here. */
    private static void endThreadsOfJna() {
        for (final Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("JNA Cleaner")
                    && thread.getClass().getClassLoader() != Native.class.getClassLoader()) {
                thread.interrupt();
            }
        }
    }

    private static void awaitUnloaded(final WeakReference<ClassLoader> loader, final ReferenceQueue<ClassLoader> lost)
            throws InterruptedException {
        final long begin = System.nanoTime();
        while (loader.get() != null && (System.nanoTime() - begin) / 1_000_000 < UNLOAD_MILLIS) {
            endThreadsOfJna();
            System.gc();
            lost.remove(100);
        }
        assertNull(loader.get(), "the class loader is still there");
    }

    @Test
    void theClassLoaderOfALibraryWhoseEnginesAreClosedIsLetGo() throws Exception {
        final ReferenceQueue<ClassLoader> lost = new ReferenceQueue<>();
        awaitUnloaded(useOnce(jar(), ClassLoader.getPlatformClassLoader(), true, lost), lost);
    }

    @Test
    void soItIsWhereJnaIsOfAnotherClassLoader() throws Exception {
        final ReferenceQueue<ClassLoader> lost = new ReferenceQueue<>();
        final URL jna = Native.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader parent = new URLClassLoader(new URL[] {jna}, ClassLoader.getPlatformClassLoader())) {
            awaitUnloaded(useOnce(jar(), parent, false, lost), lost);
        }
    }

    @Test
    void soItIsAfterARecordingOfItsEvents() throws Exception {
        final ReferenceQueue<ClassLoader> lost = new ReferenceQueue<>();
        final WeakReference<ClassLoader> loader;
        try (Recording recording = new Recording()) {
            recording.enable("io.writethrough.Write");
            recording.enable("io.writethrough.Eviction");
            recording.start();
            loader = useOnce(jar(), ClassLoader.getPlatformClassLoader(), true, lost);
        }
        awaitUnloaded(loader, lost);
    }

    @Test
    void enginesOfSeveralClassLoadersHaveBeansOfTheirOwn() throws Exception {
        final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        BeansOfEarlierEngines.await();
        final ObjectName all = new ObjectName("io.writethrough:type=Engine,*");
        final Set<ObjectName> before = server.queryNames(all, null);
        final List<LogRecord> reports = new ArrayList<>();
        final Logger logger = Logger.getLogger("io.writethrough");
        logger.setFilter(report -> {
            reports.add(report);
            return false;
        });
        final Path jar = jar();
        try (URLClassLoader first = loader(jar, ClassLoader.getPlatformClassLoader(), true);
                URLClassLoader second = loader(jar, ClassLoader.getPlatformClassLoader(), true);
                AutoCloseable one = run(first, path, false);
                AutoCloseable other = run(second, path, false)) {
            final Set<ObjectName> names = new HashSet<>(server.queryNames(all, null));
            names.removeAll(before);
            assertEquals(2, names.size(), names.toString());
            for (final ObjectName name : names) {
                assertEquals("1", name.getKeyProperty("id"));
                assertEquals(1L << 20, server.getAttribute(name, "CacheBytes"));
            }
        } finally {
            logger.setFilter(null);
        }
        assertEquals(List.of(), reports);
        assertEquals(before, server.queryNames(all, null));
    }
}
