// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * What a write promises of its bytes when it returns. A file has one durability for its writes, and each write may
 * ask for another.
 *
 * @since 0.1
 */
public enum Durability {
    /**
     * The device accepted the bytes. They survive the death of the process and of the operating system. A device with
     * a volatile cache may lose them in a power cut, until {@link WriteThroughFile#sync()} returns or the device
     * writes them of its own accord. A later write with {@link #DSYNC} makes only its own bytes stable for certain.
     *
     * <p>On a device without such a cache ({@link StorageProfile#volatileCache()}) this is as good as {@link #DSYNC},
     * except for the size of a file that grew.
     */
    DEVICE,

    /**
     * The bytes are on stable storage, and so is the metadata needed to read them back, such as the size of a file
     * that grew. {@link java.nio.file.StandardOpenOption#DSYNC} asks for the same. The default.
     */
    DSYNC,

    /**
     * As {@link #DSYNC}, and all metadata of the file is stable too, the time of last modification included. {@link
     * java.nio.file.StandardOpenOption#SYNC} asks for the same. It costs a commit of the file system's journal.
     */
    SYNC
}
