/**
 * The channels of the JDK over a file that is open.
 *
 * @since 0.1
 */
package io.writethrough.internal.channel;
