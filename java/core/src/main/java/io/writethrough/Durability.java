package io.writethrough;

/**
 * What is promised of a write's bytes when the write returns. A file has one for its writes; each write may ask for
 * another.
 *
 * @since 0.1
 */
public enum Durability {
    /**
     * The device accepted the bytes. They survive the death of the process and of the operating system. A device with a
     * volatile cache may lose them in a power cut, until {@link WriteThroughFile#sync()} returns or the device writes them
     * of its own accord; a later write with {@link #DSYNC} makes only its own bytes stable for certain. On a device
     * without such a cache ({@link StorageProfile#volatileCache()}) this is as good as {@link #DSYNC}, but for the size of
     * a file that grew.
     */
    DEVICE(1),

    /**
     * The bytes are on stable storage, and so is the metadata needed to read them back, such as the size of a file that
     * grew: what {@link java.nio.file.StandardOpenOption#DSYNC} asks for. The default.
     */
    DSYNC(2),

    /**
     * As {@link #DSYNC}, and all metadata of the file, the time of last modification included: what {@link
     * java.nio.file.StandardOpenOption#SYNC} asks for. It costs a commit of the file system's journal.
     */
    SYNC(3);

    /** WT_DURABILITY_* of the C ABI. */
    final int code;

    Durability(final int code) {
        this.code = code;
    }

    static Durability strongest(final Durability one, final Durability other) {
        return one.code >= other.code ? one : other;
    }
}
