/**
 * How Java reaches the C core: nothing here is for users of the library, and all of it may change at any time.
 *
 * @since 0.1
 */
package io.writethrough.internal;
