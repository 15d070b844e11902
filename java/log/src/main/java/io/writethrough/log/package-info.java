// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * A write-ahead log on write-through files: {@link io.writethrough.log.DurableLog}.
 *
 * <h2>The format, version 1</h2>
 *
 * <p>All numbers are little-endian. A log is a directory. It has these files:
 *
 * <ul>
 *   <li>{@code control}: 8192 bytes, two slots of 4096. Whoever owns the log has this file open, and by it the lock.
 *   <li>{@code S.seg}: a segment. S is its sequence, 16 hexadecimal digits, from 1 on.
 *   <li>{@code N.free}: a file for a later segment, with any content. N is any number.
 * </ul>
 *
 * <p><b>Position.</b> The LSN of a byte is {@code sequence * segment bytes + offset in the segment's file}. The LSN of a
 * record is that of its first frame, and a multiple of 8.
 *
 * <p><b>A slot of the control file.</b> Bytes from 64 on are zeros. The valid slot with the higher generation counts. Each
 * change goes to the other slot.
 *
 * <table>
 *   <caption>Slot</caption>
 *   <tr><th>bytes</th><th>what</th></tr>
 *   <tr><td>0..7</td><td>the ASCII characters {@code WTLOGCTL}</td></tr>
 *   <tr><td>8..11</td><td>the version, 1</td></tr>
 *   <tr><td>12..15</td><td>CRC32C of bytes 0..63, taken with these four as zeros</td></tr>
 *   <tr><td>16..23</td><td>the generation, from 1 on: a cut raises it by 2<sup>32</sup> + 1, any other change by 1</td></tr>
 *   <tr><td>24..31</td><td>the log's id, a random number</td></tr>
 *   <tr><td>32..39</td><td>the bytes of a segment, a multiple of 4096</td></tr>
 *   <tr><td>40..47</td><td>the start: records before this LSN are given up</td></tr>
 *   <tr><td>48..55</td><td>the cut: everything from this LSN on is to be erased before anything is read; -1: nothing is</td></tr>
 *   <tr><td>56..63</td><td>the end: the log was closed in order, and ends here; -1: it was not</td></tr>
 * </table>
 *
 * <p><b>The header of a segment</b> is its first 4096 bytes. Bytes from 64 on are zeros. The file has the bytes of a segment,
 * this header, and zeros behind the header, all of it durable, before it gets its name. A segment that is used again need have
 * zeros in the 4096 bytes behind the header alone: what follows may be of a segment that was trimmed, and so of smaller LSNs.
 *
 * <table>
 *   <caption>Header</caption>
 *   <tr><th>bytes</th><th>what</th></tr>
 *   <tr><td>0..7</td><td>the ASCII characters {@code WTLOGSEG}</td></tr>
 *   <tr><td>8..11</td><td>the version, 1</td></tr>
 *   <tr><td>12..15</td><td>CRC32C of bytes 0..63, taken with these four as zeros</td></tr>
 *   <tr><td>16..23</td><td>the log's id</td></tr>
 *   <tr><td>24..31</td><td>the sequence</td></tr>
 *   <tr><td>32..39</td><td>the bytes of a segment</td></tr>
 *   <tr><td>40..47</td><td>1: the segment is used again; 0: it is not</td></tr>
 *   <tr><td>48..63</td><td>zeros</td></tr>
 * </table>
 *
 * <p><b>Frames</b> follow the header, each at a multiple of 8, one behind the other. Zeros fill up to that multiple. Where
 * less than 24 bytes are left of a segment, the next frame is the first one of the next segment.
 *
 * <table>
 *   <caption>Frame</caption>
 *   <tr><th>bytes</th><th>what</th></tr>
 *   <tr><td>0..3</td><td>CRC32C of: the log's id (8 bytes), the frame's LSN (8), four zeros, bytes 4 to the end of the frame</td></tr>
 *   <tr><td>4..7</td><td>the length of the bytes in this frame, from 1 on</td></tr>
 *   <tr><td>8..15</td><td>the watermark, a multiple of 8, plus the flags, 0 to 7</td></tr>
 *   <tr><td>16..</td><td>bytes of a record</td></tr>
 * </table>
 *
 * <p>Flags: 1, the record goes on in the next frame; 2, the append goes on in the next frame (always with 1); 4, the frame
 * goes on with a record that began before. 1 alone is a filler: no record, but zeros where appends failed. An <b>append</b> is one record or a batch. An append whose last frame is missing
 * is no part of the log.
 *
 * <p><b>Zeros</b> follow the last frame of each write: at least 16, up to a multiple of 4096 in the file or to the end of the
 * segment. A write begins where the one before ended, and there is one at a time. So where a write was whole, and nothing was
 * written behind it, zeros are in place of a frame's header, also in a segment that is used again.
 *
 * <p><b>The watermark</b> of a frame is an LSN: when the frame was made, everything before that LSN was durable. The
 * watermark is never behind the start of the frame's own append. So where a frame is not valid, and a later frame has a
 * watermark behind it, the frame was durable and is now damaged. Where no later frame says so, the frame was never
 * acknowledged: a torn tail.
 *
 * <p><b>Order.</b> The first frame of a segment is written when everything before the segment is durable. So recovery reads
 * the last segment that has a valid frame, and earlier ones only where the last append began there.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.log;

import org.jspecify.annotations.NullMarked;
