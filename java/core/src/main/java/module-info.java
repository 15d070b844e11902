// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Write-through files: buffered on the way in, direct on the way out. See {@link io.writethrough}.
 *
 * <p>The native code is that of this module and of {@code com.sun.jna}: {@code --enable-native-access=io.writethrough,com.sun.jna}
 * on JDK 24 and later. The modules of JMX and of the flight recorder are used if they are there.
 *
 * @since 0.1
 */
@SuppressWarnings("requires-automatic") // JNA names its module in its manifest
module io.writethrough {
    requires com.sun.jna;
    requires static java.management;
    requires static jdk.attach;
    requires static jdk.jfr;
    requires static transitive org.jspecify;

    exports io.writethrough;

    provides java.nio.file.spi.FileSystemProvider with
            io.writethrough.WriteThroughFileSystemProvider;
}
