// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;

@Name("io.writethrough.Eviction")
@Label("Eviction")
@Category("writethrough")
@Description("How often memory of the cache was taken back for other use, since the last such event of the engine")
@Period("1 s")
@StackTrace(false)
public final class EvictionEvent extends Event {
    @Label("Engine")
    @Description("The id of its MXBean")
    int engine;

    @Label("Evictions")
    long evictions;

    @Label("Cached")
    @Description("Memory in use now")
    @DataAmount
    long cached;

    @Label("Cache limit")
    @DataAmount
    long limit;

    static void commit(final int engine, final long evictions, final long cachedBytes, final long cacheBytes) {
        final EvictionEvent event = new EvictionEvent();
        event.engine = engine;
        event.evictions = evictions;
        event.cached = cachedBytes;
        event.limit = cacheBytes;
        event.commit();
    }
}
