// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;

/** What dmsetup does, without a process for each call. The numbers are those of linux/dm-ioctl.h. */
public final class DeviceMapper {
    private static final int O_RDWR = 2;
    private static final int HEADER_BYTES = 312; // struct dm_ioctl
    private static final int DEV_OFFSET = 40;
    private static final int NAME_OFFSET = 48;
    private static final int TARGET_BYTES = 40; // struct dm_target_spec
    private static final int ROOM = 512;
    private static final int CREATE = 3;
    private static final int REMOVE = 4;
    private static final int SUSPEND = 6; // without the flag of that name: resumes
    private static final int LOAD = 9;
    private static final int MESSAGE = 14;

    /** What of the C library is needed. */
    public interface C extends Library {
        C LIBRARY = Native.load("c", C.class);

        int open(String path, int flags) throws LastErrorException;

        int ioctl(int fd, NativeLong request, Pointer argument) throws LastErrorException;

        int mount(String source, String target, String type, NativeLong flags, Pointer data) throws LastErrorException;

        int umount(String target) throws LastErrorException;
    }

    private final int control = C.LIBRARY.open("/dev/mapper/control", O_RDWR);
    private final Memory request = new Memory(HEADER_BYTES + ROOM);

    /** Sends a message to the target of a device. */
    public synchronized void message(final String device, final String text) {
        begin(device);
        request.setString(HEADER_BYTES + 8, text, US_ASCII.name());
        call(MESSAGE);
    }

    /** Makes a device of one target and returns its path. */
    synchronized String create(final String device, final long sectors, final String type, final String parameters) {
        begin(device);
        call(CREATE);
        final long number = request.getLong(DEV_OFFSET);
        begin(device);
        request.setInt(20, 1); // targets
        request.setLong(HEADER_BYTES + 8, sectors);
        request.setString(HEADER_BYTES + 24, type, US_ASCII.name());
        request.setString(HEADER_BYTES + TARGET_BYTES, parameters, US_ASCII.name());
        call(LOAD);
        begin(device);
        call(SUSPEND);
        return "/dev/dm-" + (number & 0xff | number >> 12 & ~0xffL);
    }

    synchronized void remove(final String device) {
        begin(device);
        call(REMOVE);
    }

    private void begin(final String device) {
        request.clear();
        request.write(0, new int[] {4, 0, 0, (int) request.size(), HEADER_BYTES}, 0, 5); // version 4.0.0
        request.setString(NAME_OFFSET, device, US_ASCII.name());
    }

    private void call(final int number) {
        C.LIBRARY.ioctl(control, new NativeLong(3L << 30 | HEADER_BYTES << 16 | 0xfd << 8 | number), request);
    }
}
