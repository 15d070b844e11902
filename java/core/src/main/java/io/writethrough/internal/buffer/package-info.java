/**
 * Callers' buffers as native code takes them, and the view of the cache that reads look into first.
 *
 * @since 0.1
 */
package io.writethrough.internal.buffer;
