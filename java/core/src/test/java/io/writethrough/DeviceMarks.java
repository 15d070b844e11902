package io.writethrough;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;

/** Marks in the log of a device of dm-log-writes: what dmsetup does with "message NAME 0 mark TEXT", without a process each. */
final class DeviceMarks implements CrashWriter.Teller {
    private static final int O_RDWR = 2;
    private static final int HEADER_BYTES = 312; // of struct dm_ioctl, linux/dm-ioctl.h
    private static final int MESSAGE_BYTES = 8 + 256;
    private static final NativeLong DM_TARGET_MSG = new NativeLong(0xC138FD0EL); // _IOWR(0xfd, 14, struct dm_ioctl)

    /** What of the C library is needed. */
    public interface C extends Library {
        int open(String path, int flags) throws LastErrorException;

        int ioctl(int fd, NativeLong request, Pointer argument) throws LastErrorException;
    }

    private final C c = Native.load("c", C.class);
    private final int control = c.open("/dev/mapper/control", O_RDWR);
    private final Memory request = new Memory(HEADER_BYTES + MESSAGE_BYTES);
    private final String device;

    DeviceMarks(final String device) {
        this.device = device;
    }

    @Override
    public synchronized void tell(final String what) {
        request.clear();
        request.write(0, new int[] {4, 0, 0, (int) request.size(), HEADER_BYTES}, 0, 5);
        request.setString(48, device, US_ASCII.name());
        request.setString(HEADER_BYTES + 8, "mark " + what.replace(' ', ','), US_ASCII.name());
        c.ioctl(control, DM_TARGET_MSG, request);
    }
}
