// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.Commit;
import io.writethrough.Durability;
import io.writethrough.internal.Names;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.Operation;
import io.writethrough.internal.async.UnderWay;
import io.writethrough.internal.async.WaitingThreads;
import io.writethrough.internal.buffer.CacheView;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jfr.Events;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.NativePaths;
import io.writethrough.internal.jni.OpenFlags;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Path;
import java.util.function.LongSupplier;
import java.util.function.LongToIntFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A file that is open on an engine: its handle, what may be done with it, and all but its {@link Reads} and {@link Writes}. */
public final class OpenFile implements Operation.File {
    /* What wt_mapping_begin returns. */
    private static final int FIRST_MAPPING = 1;

    private final OpenEngine engine;
    private final NativeHandle handle;
    private final UnderWay underWay;
    private final Durability durability;
    private final Commit commit;
    private final boolean readable;
    private final boolean writable;
    private final boolean appends;
    private final JdkChannels jdkChannels;

    /* Those that a sync of this handle has covered. */
    private volatile long syncedAttributes;
    private final Reads reads;
    private final Writes writes;
    private volatile Path path;

    public OpenFile(final OpenEngine engine, final long file, final Path path, final OpenRequest request) {
        final Completions completions = engine.completions();
        this.engine = engine;
        this.path = path;
        this.durability = request.durability();
        this.commit = request.commit();
        this.readable = request.readable();
        this.writable = request.writable();
        this.appends = request.append();
        this.jdkChannels = JdkChannels.of(file, engine.jdkChannels());
        this.underWay = completions.underWay().ofFile();
        final CacheView.@Nullable File cached = readable ? engine.cacheViewOf(file) : null;
        this.reads = new Reads(this, completions, cached);
        this.writes = new Writes(this, completions);
        this.handle = NativeHandle.of(
                this, file, closing(underWay, completions, jdkChannels), () -> "The WriteThroughFile " + path);
    }

    /* Static, so that it does not know the file, which may be lost. */
    private static LongToIntFunction closing(
            final UnderWay underWay, final Completions completions, final JdkChannels jdkChannels) {
        return file -> {
            underWay.close(completions);
            return jdkChannels.closeWithFile(file);
        };
    }

    public Reads reads() {
        return reads;
    }

    public Writes writes() {
        return writes;
    }

    public JdkChannels jdkChannels() {
        return jdkChannels;
    }

    OpenEngine engine() {
        return engine;
    }

    UnderWay underWay() {
        return underWay;
    }

    /** As the C core knows the file. Who uses it keeps this object reachable meanwhile. */
    long handle() {
        return handle.value();
    }

    @Override
    public Path path() {
        return path;
    }

    public Durability durability() {
        return durability;
    }

    public Commit commit() {
        return commit;
    }

    public boolean isReadable() {
        return readable;
    }

    public boolean isWritable() {
        return writable;
    }

    public boolean appends() {
        return appends;
    }

    /** What every write of a file that was opened with APPEND is. */
    public int modeFlags() {
        return appends ? NativeIo.APPEND : 0;
    }

    /** What a write is that names no durability and whose caller waits, by this policy. */
    public int modeFlags(final Commit policy) {
        return policy == Commit.AT_FORCE ? modeFlags() | NativeIo.LATER : modeFlags();
    }

    public boolean isOpen() {
        return handle.isOpen() && engine.isOpen();
    }

    /** The path, and whether the file is open. */
    @Override
    public String toString() {
        return "WriteThroughFile[" + path + (isOpen() ? "]" : ", closed]");
    }

    // ---- waiting ----

    /** Whether what could not be submitted, by this result, is to be done by a thread that may wait. */
    static boolean mustWait(final int started) {
        return started == -Errno.EAGAIN || started == -Errno.EMSGSIZE;
    }

    /** What a virtual thread leaves to one that may wait. */
    long callWaiting(final LongSupplier call) {
        if (!underWay.enter()) {
            return -Errno.EBADF;
        }
        try {
            return WaitingThreads.call(call);
        } finally {
            underWay.leave();
        }
    }

    // ---- the size and the space ----

    public long size() throws IOException {
        final long result;
        try {
            result = Core.size(handle());
        } finally {
            Reference.reachabilityFence(this);
        }
        return checked("size", NONE, NONE, result);
    }

    public void truncate(final long size) throws IOException {
        requireNotNegative("size", size);
        requireWritable();
        call("truncate", size, NONE, Core::truncate, size);
    }

    public void allocate(final long offset, final long length) throws IOException {
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        requireNoOverflow("offset", offset, length);
        call("allocate", Core::allocate, offset, length);
    }

    public void punchHole(final long offset, final long length) throws IOException {
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        call("punchHole", Core::punchHole, offset, length);
    }

    public void zero(final long offset, final long length) throws IOException {
        requireNotNegative("offset", offset);
        requireNotNegative("length", length);
        call("zero", Core::zero, offset, length);
    }

    /** By the engine, which has just opened the file. */
    public void growAhead(final long bytes) throws IOException {
        try {
            call("open", NONE, NONE, Core::growAhead, bytes);
        } catch (final IOException e) {
            close();
            throw e;
        }
    }

    public void sync() throws IOException {
        call("sync", NONE, NONE, (file, nothing) -> Core.sync(file), 0);
    }

    public void force() throws IOException {
        call("force", NONE, NONE, (file, nothing) -> Core.force(file), 0);
    }

    /** What a mapping for reading is to show, the device has from now on when a write returns. */
    public void beginMapping() throws IOException {
        call("map", NONE, NONE, (file, nothing) -> Core.beginMapping(file), 0);
    }

    /** What maps a part of a file. */
    public interface Mapping<T> {
        T map() throws IOException;
    }

    /**
     * Maps the file for writing. From now on its I/O goes through the kernel's page cache, until the owner of each such mapping
     * is garbage. A file that is shorter than the end of the mapping becomes that long.
     *
     * @param owner of what was mapped, the object that is garbage once nobody can store there
     */
    public <T> T mapForWriting(
            final long offset, final long length, final Mapping<T> mapping, final UnaryOperator<Object> owner)
            throws IOException {
        final long number = beginWritableMapping(offset, length);
        try {
            final T mapped = mapping.map();
            NativeHandle.whenLost(owner.apply(mapped), () -> Core.mappingEnd(number));
            return mapped;
        } catch (final Throwable e) {
            Core.mappingEnd(number);
            throw e;
        }
    }

    private long beginWritableMapping(final long offset, final long length) throws IOException {
        final long[] mapping = new long[1];
        final long result;
        try {
            result = Core.mappingBegin(handle(), offset, length, mapping);
        } finally {
            Reference.reachabilityFence(this);
        }
        if (checked("map", offset, length, result) == FIRST_MAPPING) {
            try {
                tellOfMapping();
            } catch (final RuntimeException | Error e) { // of a handler of the log: there will be no mapping to end
                Core.mappingEnd(mapping[0]);
                throw e;
            }
        }
        return mapping[0];
    }

    /**
     * Maps a range as memory that a force makes durable.
     *
     * @param compare changes are found by comparing, also where the kernel could tell them: for tests
     */
    public DurableMemory mapMemory(final long offset, final long length, final boolean compare) throws IOException {
        requireNotNegative("offset", offset);
        if (length <= 0) {
            throw new IllegalArgumentException("length " + length + " is not positive");
        }
        requireNoOverflow("offset", offset, length);
        requireWritable();
        requireOpenedForReading();
        requireOpen();
        if (Core.isPortable(handle())) {
            throw Failures.ofPortable("map", path, offset, length, "no memory that a force makes durable");
        }
        final long[] memory = new long[2];
        final long result;
        try {
            result = CApi.wt_memory_map(handle(), offset, length, compare ? DurableMemory.COMPARE : 0, memory);
        } finally {
            Reference.reachabilityFence(this);
        }
        final boolean watched = checked("map", offset, length, result) == DurableMemory.WATCHED;
        return new DurableMemory(this, memory[0], memory[1], offset, length, watched);
    }

    /** Makes durable what was stored into a part of such memory, which begins at that offset of the file. */
    void forceMemory(final long memory, final long base, final long offset, final long length) throws IOException {
        checked("force", base + offset, length, CApi.wt_memory_force(memory, offset, length));
    }

    private void tellOfMapping() {
        System.getLogger(Names.LIBRARY)
                .log(
                        System.Logger.Level.INFO,
                        path
                                + " is mapped for writing: until the last such mapping is garbage, its I/O goes through"
                                + " the kernel's page cache. It is as durable as before");
    }

    /**
     * As force of a channel. With metadata the first one is a sync, and then each before which others have changed the mode,
     * the owner, the group or the links of the file: to write times alone would cost a commit of the journal.
     */
    public void force(final boolean metadata) throws IOException {
        final long attributes = metadata ? attributes() : 0;
        if (metadata && (attributes == 0 || attributes != syncedAttributes)) {
            sync();
            syncedAttributes = attributes;
        } else {
            force();
        }
    }

    private long attributes() {
        try {
            return Core.attributes(handle());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    public CApi.Profile profile() throws IOException {
        final CApi.Profile profile = new CApi.Profile();
        call("profile", NONE, NONE, (file, nothing) -> Core.profile(file, profile), 0);
        return profile;
    }

    private interface Call {
        int of(long file, long value);
    }

    private interface RangeCall {
        int of(long file, long offset, long length);
    }

    private void call(final String operation, final long offset, final long length, final Call call, final long value)
            throws IOException {
        final int result;
        try {
            result = call.of(handle(), value);
        } finally {
            Reference.reachabilityFence(this);
        }
        checked(operation, offset, length, result);
    }

    private void call(final String operation, final RangeCall call, final long offset, final long length)
            throws IOException {
        requireWritable();
        final int result;
        try {
            result = call.of(handle(), offset, length);
        } finally {
            Reference.reachabilityFence(this);
        }
        checked(operation, offset, length, result);
    }

    private long checked(final String operation, final long offset, final long length, final long result)
            throws IOException {
        if (result < 0) {
            throw failed(operation, offset, length, result);
        }
        return result;
    }

    // ---- the name, and the end ----

    public void renameTo(final Path target, final boolean replace) throws IOException {
        NativePaths.requireDefault(target);
        requireOpen();
        synchronized (handle) {
            final int result;
            try {
                result = Core.rename(handle(), path, target, replace ? OpenFlags.RENAME_REPLACE : 0);
            } finally {
                Reference.reachabilityFence(this);
            }
            if (result == -Errno.EBADF) {
                throw new ClosedChannelException();
            }
            if (result < 0) {
                throw Failures.ofRename(path, target, -result);
            }
            path = target;
        }
    }

    /** Before what must not fail halfway: fails where this thread must not wait now. */
    public void checkMayWait(final String operation) throws IOException {
        engine.checkMayWait(operation);
    }

    public void close() throws IOException {
        NativeHandle.check(handle.close(), path.toString());
    }

    // ---- what is refused ----

    void checkWrite(final long position, final long length, final int flags) throws IOException {
        checkRange(position, length, flags);
        requireWritable();
    }

    void checkWriteArguments(final long position, final long length, final int flags) {
        checkRange(position, length, flags);
        requireOpenedForWriting();
    }

    static void checkRange(final long position, final long length, final int flags) {
        requireNotNegative("position", position);
        if ((flags & NativeIo.APPEND) == 0) {
            requireNoOverflow("position", position, length);
        }
    }

    void checkRead(final long position) throws IOException {
        requireNotNegative("position", position);
        requireOpen();
        requireOpenedForReading();
    }

    void checkReadArguments(final long position) {
        requireNotNegative("position", position);
        requireOpenedForReading();
    }

    private void requireOpenedForReading() {
        if (!readable) {
            throw new NonReadableChannelException();
        }
    }

    void requireOpenedForWriting() {
        if (!writable) {
            throw new NonWritableChannelException();
        }
    }

    void requireWritable() throws IOException {
        requireOpen();
        requireOpenedForWriting();
    }

    private void requireOpen() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    static void requireNotNegative(final String name, final long value) {
        if (value < 0) {
            throw new IllegalArgumentException("Negative " + name + ": " + value);
        }
    }

    private static void requireNoOverflow(final String name, final long start, final long length) {
        if (length > Long.MAX_VALUE - start) {
            throw new IllegalArgumentException(
                    name + " " + start + " + " + length + " bytes is past the largest offset there is");
        }
    }

    // ---- what has failed ----

    public IOException failed(final String operation, final long offset, final long length, final long failure) {
        return failed(operation, offset, length, NativeIo.errno(failure), NativeIo.stableBytes(failure));
    }

    /** Of a write with these flags. */
    IOException writeFailed(
            final String operation, final long offset, final long length, final int flags, final long failure) {
        final int errno = NativeIo.errno(failure);
        if ((flags & NativeIo.ATOMIC) == 0) {
            return failed(operation, offset, length, failure);
        }
        if (errno == Errno.EOPNOTSUPP && Core.isPortable(handle())) {
            tell(operation, offset, length, errno, 0);
            return Failures.ofPortable(operation, path, offset, length, "no atomic writes");
        }
        final CApi.Profile profile;
        try {
            profile = profile();
        } catch (final IOException e) {
            return failed(operation, offset, length, failure);
        }
        tell(operation, offset, length, errno, NativeIo.stableBytes(failure));
        return Failures.ofAtomicWrite(operation, path, offset, length, errno, NativeIo.stableBytes(failure), profile);
    }

    @Override
    public IOException failed(
            final String operation, final long offset, final long length, final int errno, final long stableBytes) {
        tell(operation, offset, length, errno, stableBytes);
        return Failures.ofFile(operation, path, offset, length, errno, stableBytes);
    }

    private void tell(
            final String operation, final long offset, final long length, final int errno, final long stableBytes) {
        if (errno != Errno.EBADF && errno != Errno.EAGAIN) {
            Events.error(operation, path, offset, length, errno, stableBytes);
        }
    }
}
