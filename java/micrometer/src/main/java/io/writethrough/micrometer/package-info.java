/**
 * The metrics of an engine for Micrometer.
 *
 * @since 0.1
 */
package io.writethrough.micrometer;
