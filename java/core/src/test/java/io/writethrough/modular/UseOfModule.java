// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.modular;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.lang.management.ManagementFactory;
import java.lang.module.ModuleDescriptor;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.spi.FileSystemProvider;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;

/** A program that has the library on its module path. In a package of its own: that of the library belongs to the module. */
public final class UseOfModule {
    private UseOfModule() {}

    public static void main(final String[] arguments) throws Exception {
        final Module module = WriteThroughFile.class.getModule();
        System.out.println(module + " exports "
                + module.getDescriptor().exports().stream()
                        .map(ModuleDescriptor.Exports::toString)
                        .toList());
        final Path path = Path.of(arguments[0], "file");
        final Path recorded = Path.of(arguments[0], "recording.jfr");
        final MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
        try (Recording recording = new Recording();
                WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            recording.enable("io.writethrough.Write").withoutThreshold();
            recording.start();
            try (WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                file.write(ByteBuffer.allocate(100), 0);
            }
            recording.stop();
            recording.dump(recorded);
            final ObjectName name = new ObjectName("io.writethrough:type=Engine,id=1");
            final Object times = beans.getAttribute(name, "WriteNanos");
            System.out.println("bean " + ((CompositeData) times).get("count"));
        }
        System.out.println("events "
                + RecordingFile.readAllEvents(recorded).stream() // the JVM may have added events of its own
                        .filter(event -> event.getEventType().getName().equals("io.writethrough.Write"))
                        .count());
        System.out.println("size " + Files.size(path));
        System.out.println("provider "
                + FileSystemProvider.installedProviders().stream()
                        .anyMatch(each -> each.getClass().getModule() == module));
    }
}
