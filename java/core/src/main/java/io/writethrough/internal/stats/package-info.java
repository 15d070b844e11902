/**
 * What an engine counts, for JMX, the flight recorder and the log.
 *
 * @since 0.1
 */
package io.writethrough.internal.stats;
