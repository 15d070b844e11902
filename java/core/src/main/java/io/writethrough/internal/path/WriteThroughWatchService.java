// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.Watchable;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The watch service of the file system beneath. Paths that come out of it are of the file system that it was made by. */
public final class WriteThroughWatchService implements WatchService {
    private final WriteThroughPath.Owner owner;
    private final WatchService service;

    public WriteThroughWatchService(final WriteThroughPath.Owner owner, final WatchService service) {
        this.owner = owner;
        this.service = service;
    }

    WatchService beneath() {
        return service;
    }

    WatchKey wrap(final WatchKey key) {
        return new Key(owner, key);
    }

    private @Nullable WatchKey wrapOrNull(final @Nullable WatchKey key) {
        return key == null ? null : wrap(key);
    }

    @Override
    public @Nullable WatchKey poll() {
        return wrapOrNull(service.poll());
    }

    @Override
    public @Nullable WatchKey poll(final long timeout, final TimeUnit unit) throws InterruptedException {
        return wrapOrNull(service.poll(timeout, unit));
    }

    @Override
    public WatchKey take() throws InterruptedException {
        return wrap(service.take());
    }

    @Override
    public void close() throws IOException {
        service.close();
    }

    /* Equal to every other of the same key beneath, as programs look keys up in maps. */
    private record Key(WriteThroughPath.Owner owner, WatchKey key) implements WatchKey {
        @Override
        public boolean isValid() {
            return key.isValid();
        }

        @Override
        public List<WatchEvent<?>> pollEvents() {
            return key.pollEvents().stream().<WatchEvent<?>>map(this::wrap).toList();
        }

        private WatchEvent<?> wrap(final WatchEvent<?> event) {
            return event.context() instanceof Path path
                    ? new Event(kindOf(event), event.count(), WriteThroughPath.wrap(owner, path))
                    : event;
        }

        @SuppressWarnings("unchecked")
        private static WatchEvent.Kind<Path> kindOf(final WatchEvent<?> ofPath) {
            return (WatchEvent.Kind<Path>) ofPath.kind();
        }

        @Override
        public boolean reset() {
            return key.reset();
        }

        @Override
        public void cancel() {
            key.cancel();
        }

        @Override
        public Watchable watchable() {
            return key.watchable() instanceof Path path ? WriteThroughPath.wrap(owner, path) : key.watchable();
        }
    }

    private record Event(WatchEvent.Kind<Path> kind, int count, Path context) implements WatchEvent<Path> {}
}
