package io.writethrough;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/** Locks under which appends find the end of a file and write there: the same one for every opening of one file. */
final class AppendLocks {
    private static final ReentrantLock[] LOCKS =
            Stream.generate(ReentrantLock::new).limit(64).toArray(ReentrantLock[]::new);

    private AppendLocks() {}

    /** That of the file which has this name, and was just opened by it. */
    static ReentrantLock of(final Path path) throws IOException {
        final Object key = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        return LOCKS[Math.floorMod(key.hashCode(), LOCKS.length)];
    }
}
