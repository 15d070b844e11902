/**
 * Finding and loading the native library.
 *
 * @since 0.1
 */
package io.writethrough.internal.load;
