// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The C ABI for Java, by JNI: the data plane (open, close, write, read, size, submit and reap), and below it the
 * control plane. This is the only file of the core that knows of Java. It keeps no reference to a Java object or
 * class, so that these can be unloaded.
 *
 * A direct buffer is native memory with an address. An array of the Java heap has no lasting address, so a cursor of
 * this file copies it piece by piece, straight between the array and the folios. No array is pinned: a pin would hold
 * up the garbage collector for as long as the device takes.
 *
 * The Java side has checked every index and length against the limits of its buffers. A result of 0 or more is a
 * count. A failure is one number, -(stable_bytes * 4096 + errno), so that nothing has to be allocated or kept to tell
 * both.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "api/lanes.h"
#include "cache/cursor.h"
#include "cache/view.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "engine/stats.h"
#include "file/inode.h"
#include "file/lane.h"
#include "io/plug.h"
#include "read/fetch.h"
#include "read/pin.h"
#include "read/read.h"
#include "write/write.h"
#include "writethrough.h"

#define NATIVE_IO "io/writethrough/internal/jni/NativeIo"
#define C_API "io/writethrough/internal/jni/CApi"

/* No errno is as large, and no write so long that its bytes times this would not fit. */
#define ERRNO_LIMIT 4096

static jlong result_of(int64_t result, uint64_t stable_bytes) {
    if (result >= 0)
        return (jlong)result;
    assert(-result < ERRNO_LIMIT);
    assert(stable_bytes <= INT64_MAX / ERRNO_LIMIT - 1);
    return (jlong)(result - (int64_t)stable_bytes * ERRNO_LIMIT);
}

/* Of a write: where it is, if it was an append, else its length. */
static jlong result_of_write(int64_t result, uint64_t offset, jint flags, uint64_t stable_bytes) {
    return result >= 0 && flags & WT_APPEND ? (jlong)offset : result_of(result, stable_bytes);
}

/* ---- a file ---------------------------------------------------------------------------------------------------- */

/* The handle, which is positive, or -errno. The path ends with a 0. */
static jlong JNICALL open_file(JNIEnv *env, jclass class, jlong engine, jbyteArray path, jint flags, jint mode,
                               jint durability) {
    (void)class;
    char bytes[PATH_MAX];
    wt_file file = 0;
    jsize length = (*env)->GetArrayLength(env, path);
    if (length > (jsize)sizeof bytes)
        return -ENAMETOOLONG;
    (*env)->GetByteArrayRegion(env, path, 0, length, (jbyte *)bytes);
    assert(!(*env)->ExceptionCheck(env) && length > 0 && bytes[length - 1] == 0);
    int rc = wt_file_open((wt_engine)engine, bytes, (uint32_t)flags, (uint32_t)mode, (uint32_t)durability, &file);
    return rc ? rc : (jlong)file;
}

static jint JNICALL close_file(JNIEnv *env, jclass class, jlong file) {
    (void)env;
    (void)class;
    return wt_file_close((wt_file)file);
}

/* ---- the JDK's channels ---------------------------------------------------------------------------------------- */

/* The field fd of java.io.FileDescriptor; NULL: this JVM's class has none. */
static jfieldID descriptor_number;

static void find_descriptor_number(JNIEnv *env) {
    jclass descriptor = (*env)->FindClass(env, "java/io/FileDescriptor");
    descriptor_number = descriptor ? (*env)->GetFieldID(env, descriptor, "fd", "I") : NULL;
    if (!descriptor_number)
        (*env)->ExceptionClear(env);
}

static jboolean JNICALL set_descriptor(JNIEnv *env, jclass class, jobject object, jint descriptor) {
    (void)class;
    if (descriptor_number)
        (*env)->SetIntField(env, object, descriptor_number, descriptor);
    return descriptor_number != NULL;
}

/*
 * A channel of the JDK for a descriptor of the library, made for reading, maps for writing too. The JDK makes such a channel of
 * a path alone: that could be refused, and to close it would drop this process's locks.
 */
static jboolean JNICALL let_map(JNIEnv *env, jclass class, jobject channel) {
    (void)class;
    jfieldID writable = (*env)->GetFieldID(env, (*env)->GetObjectClass(env, channel), "writable", "Z");
    if (writable)
        (*env)->SetBooleanField(env, channel, writable, true);
    else
        (*env)->ExceptionClear(env);
    return writable != NULL;
}

/* Another descriptor of the file, with an open file description and so with locks of its own; or -errno. */
static jint JNICALL reopen(JNIEnv *env, jclass class, jint descriptor, jint flags) {
    (void)env;
    (void)class;
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", (int)descriptor);
    int opened = open(path, flags | O_CLOEXEC);
    return opened < 0 ? -errno : opened;
}

/* As java.io says it. */
static jstring JNICALL error_text(JNIEnv *env, jclass class, jint number) {
    (void)class;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the text of an errno that the kernel has given is a constant. */
    return (*env)->NewStringUTF(env, strerror(number));
}

static size_t bytes_before_in_page(uint64_t at) {
    return (size_t)(at % (uint64_t)sysconf(_SC_PAGESIZE));
}

static jlong JNICALL map_private(JNIEnv *env, jclass class, jint descriptor, jlong position, jlong size) {
    (void)env;
    (void)class;
    size_t before = bytes_before_in_page((uint64_t)position);
    char *memory = mmap(NULL, before + (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor,
                        (off_t)(position - (jlong)before));
    return memory == MAP_FAILED ? -errno : (jlong)(intptr_t)(memory + before);
}

static void JNICALL unmap(JNIEnv *env, jclass class, jlong address, jlong size) {
    (void)env;
    (void)class;
    size_t before = bytes_before_in_page((uint64_t)address);
    (void)munmap((char *)(intptr_t)address - before, before + (size_t)size); /* cannot fail: it is one mapping, whole */
}

static jobject JNICALL memory_of(JNIEnv *env, jclass class, jlong address, jlong size) {
    (void)class;
    return (*env)->NewDirectByteBuffer(env, (void *)(intptr_t)address, size);
}

/* ---- one direct buffer ----------------------------------------------------------------------------------------- */

/*
 * The field address of java.nio.Buffer. GetDirectBufferAddress reads it too, but first asks for the buffer's class
 * and goes in and out of the JVM twice: as much as a small copy costs. NULL: this JVM's class has no such field.
 */
static jfieldID buffer_address;

static void find_buffer_address(JNIEnv *env) {
    jclass buffer = (*env)->FindClass(env, "java/nio/Buffer");
    buffer_address = buffer ? (*env)->GetFieldID(env, buffer, "address", "J") : NULL;
    if (!buffer_address)
        (*env)->ExceptionClear(env);
}

static char *address_of(JNIEnv *env, jobject direct) {
    return buffer_address ? (char *)(intptr_t)(*env)->GetLongField(env, direct, buffer_address)
                          : (*env)->GetDirectBufferAddress(env, direct);
}

/* The length bytes of a direct buffer from index start. False if the JVM gives native code no addresses of buffers. */
static bool iovec_of(JNIEnv *env, jobject buffer, jint start, jint length, struct iovec *iov) {
    char *address = address_of(env, buffer);
    if (!address)
        return false;
    iov->iov_base = address + start;
    iov->iov_len = (size_t)length;
    return true;
}

static jlong JNICALL write_direct(JNIEnv *env, jclass class, jlong file, jobject source, jint start, jint length,
                                  jlong offset, jint durability, jint flags) {
    (void)class;
    struct iovec iov;
    uint64_t at = (uint64_t)offset, stable_bytes = 0;
    if (!iovec_of(env, source, start, length, &iov))
        return -EOPNOTSUPP;
    int64_t result = wt_write_with((wt_file)file, &iov, 1, &at, (uint32_t)durability, (uint32_t)flags, &stable_bytes);
    return result_of_write(result, at, flags, stable_bytes);
}

static jlong JNICALL read_direct(JNIEnv *env, jclass class, jlong file, jobject destination, jint start, jint length,
                                 jlong offset, jint flags) {
    (void)class;
    struct iovec iov;
    struct wt_cursor to;
    if (!iovec_of(env, destination, start, length, &iov))
        return -EOPNOTSUPP;
    wt_cursor_of_iovec(&to, &iov);
    return result_of(wt_read_cursor((wt_file)file, &to, (uint64_t)length, (uint64_t)offset, (uint32_t)flags), 0);
}

static jint JNICALL submit_direct(JNIEnv *env, jclass class, jlong file, jobject source, jint start, jint length,
                                  jlong offset, jint durability, jint flags, jlong token) {
    (void)class;
    struct iovec iov;
    struct wt_cursor from;
    if (!iovec_of(env, source, start, length, &iov))
        return -EOPNOTSUPP;
    wt_cursor_of_iovec(&from, &iov);
    return wt_write_submit_cursor((wt_file)file, &from, (uint64_t)length, (uint64_t)offset, (uint32_t)durability,
                                  (uint32_t)flags, (uint64_t)token);
}

/* The bytes before the first that is not cached are copied, and count as the stable bytes of a write do. */
static jlong JNICALL read_cached_direct(JNIEnv *env, jclass class, jlong file, jobject destination, jint start,
                                        jint length, jlong offset) {
    (void)class;
    struct iovec iov;
    struct wt_cursor to;
    if (!iovec_of(env, destination, start, length, &iov))
        return -EOPNOTSUPP;
    wt_cursor_of_iovec(&to, &iov);
    int64_t result = wt_read_cached_cursor((wt_file)file, &to, (uint64_t)length, (uint64_t)offset);
    return result_of(result, result == -EAGAIN ? to.iov_offset : 0);
}

/* ---- one array ------------------------------------------------------------------------------------------------- */

struct array_cursor {
    struct wt_cursor cursor; /* first: the core hands this one back */
    JNIEnv *env;
    jbyteArray array;
    jsize next;
};

static void array_copy_in(struct wt_cursor *cursor, void *to_folio, size_t length) {
    struct array_cursor *from = (struct array_cursor *)cursor;
    (*from->env)->GetByteArrayRegion(from->env, from->array, from->next, (jsize)length, to_folio);
    from->next += (jsize)length;
    assert(!(*from->env)->ExceptionCheck(from->env));
}

static void array_copy_out(struct wt_cursor *cursor, const void *from_folio, size_t length) {
    struct array_cursor *to = (struct array_cursor *)cursor;
    (*to->env)->SetByteArrayRegion(to->env, to->array, to->next, (jsize)length, from_folio);
    to->next += (jsize)length;
    assert(!(*to->env)->ExceptionCheck(to->env));
}

static struct array_cursor cursor_of_array(JNIEnv *env, jbyteArray array, jint start) {
    return (struct array_cursor){
        .cursor = {.copy_in = array_copy_in, .copy_out = array_copy_out},
        .env = env,
        .array = array,
        .next = start,
    };
}

static jlong JNICALL write_array(JNIEnv *env, jclass class, jlong file, jbyteArray source, jint start, jint length,
                                 jlong offset, jint durability, jint flags) {
    (void)class;
    struct array_cursor from = cursor_of_array(env, source, start);
    uint64_t at = (uint64_t)offset, stable_bytes = 0;
    int64_t result = wt_write_cursor_with((wt_file)file, &from.cursor, (uint64_t)length, &at, (uint32_t)durability,
                                          (uint32_t)flags, &stable_bytes);
    return result_of_write(result, at, flags, stable_bytes);
}

static jlong JNICALL read_array(JNIEnv *env, jclass class, jlong file, jbyteArray destination, jint start, jint length,
                                jlong offset, jint flags) {
    (void)class;
    struct array_cursor to = cursor_of_array(env, destination, start);
    return result_of(wt_read_cursor((wt_file)file, &to.cursor, (uint64_t)length, (uint64_t)offset, (uint32_t)flags), 0);
}

static jint JNICALL submit_array(JNIEnv *env, jclass class, jlong file, jbyteArray source, jint start, jint length,
                                 jlong offset, jint durability, jint flags, jlong token) {
    (void)class;
    struct array_cursor from = cursor_of_array(env, source, start);
    return wt_write_submit_cursor((wt_file)file, &from.cursor, (uint64_t)length, (uint64_t)offset, (uint32_t)durability,
                                  (uint32_t)flags, (uint64_t)token);
}

static jlong JNICALL read_cached_array(JNIEnv *env, jclass class, jlong file, jbyteArray destination, jint start,
                                       jint length, jlong offset) {
    (void)class;
    struct array_cursor to = cursor_of_array(env, destination, start);
    int64_t result = wt_read_cached_cursor((wt_file)file, &to.cursor, (uint64_t)length, (uint64_t)offset);
    return result_of(result, result == -EAGAIN ? (uint64_t)(to.next - start) : 0);
}

/* ---- many buffers of either kind --------------------------------------------------------------------------------- */

/*
 * Segment i is bases[i], an array or a direct buffer, from index ranges[i] >> 32 on, for (int32_t)ranges[i] bytes,
 * never 0. The cursor looks each segment up when it comes to it: any count of segments needs one local reference and
 * no memory.
 */
struct segments_cursor {
    struct wt_cursor cursor; /* first: the core hands this one back */
    JNIEnv *env;
    jobjectArray bases;
    jlongArray ranges;
    jsize next_segment;
    jobject base;  /* of the segment the cursor is in; NULL before the first */
    char *address; /* of a direct buffer; NULL for an array */
    jint next;     /* index of the next byte in base */
    jint left;     /* bytes left of the segment */
    uint64_t done; /* bytes copied */
};

static void enter_next_segment(struct segments_cursor *segments) {
    JNIEnv *env = segments->env;
    jlong range;
    if (segments->base)
        (*env)->DeleteLocalRef(env, segments->base);
    segments->base = (*env)->GetObjectArrayElement(env, segments->bases, segments->next_segment);
    (*env)->GetLongArrayRegion(env, segments->ranges, segments->next_segment, 1, &range);
    assert(!(*env)->ExceptionCheck(env));
    segments->address = (*env)->GetDirectBufferAddress(env, segments->base);
    segments->next = (jint)(range >> 32);
    segments->left = (jint)(range & INT32_MAX);
    segments->next_segment++;
    assert(segments->left > 0);
}

/* Enters the next segment if the current one is used up; returns how many of the next length bytes are in it. */
static jint run_of_segment(struct segments_cursor *segments, size_t length) {
    if (segments->left == 0)
        enter_next_segment(segments);
    return length < (size_t)segments->left ? (jint)length : segments->left;
}

static void step(struct segments_cursor *segments, jint count) {
    segments->next += count;
    segments->left -= count;
    segments->done += (uint64_t)count;
}

static void segments_copy_in(struct wt_cursor *cursor, void *to_folio, size_t length) {
    struct segments_cursor *from = (struct segments_cursor *)cursor;
    JNIEnv *env = from->env;
    char *to = to_folio;
    while (length > 0) {
        jint count = run_of_segment(from, length);
        if (from->address)
            memcpy(to, from->address + from->next, (size_t)count);
        else
            (*env)->GetByteArrayRegion(env, from->base, from->next, count, (jbyte *)to);
        assert(!(*env)->ExceptionCheck(env));
        step(from, count);
        to += count;
        length -= (size_t)count;
    }
}

static void segments_copy_out(struct wt_cursor *cursor, const void *from_folio, size_t length) {
    struct segments_cursor *to = (struct segments_cursor *)cursor;
    JNIEnv *env = to->env;
    const char *from = from_folio;
    while (length > 0) {
        jint count = run_of_segment(to, length);
        if (to->address)
            memcpy(to->address + to->next, from, (size_t)count);
        else
            (*env)->SetByteArrayRegion(env, to->base, to->next, count, (const jbyte *)from);
        assert(!(*env)->ExceptionCheck(env));
        step(to, count);
        from += count;
        length -= (size_t)count;
    }
}

static struct segments_cursor cursor_of_segments(JNIEnv *env, jobjectArray bases, jlongArray ranges) {
    return (struct segments_cursor){
        .cursor = {.copy_in = segments_copy_in, .copy_out = segments_copy_out},
        .env = env,
        .bases = bases,
        .ranges = ranges,
    };
}

static jlong JNICALL write_segments(JNIEnv *env, jclass class, jlong file, jobjectArray bases, jlongArray ranges,
                                    jlong length, jlong offset, jint durability, jint flags) {
    (void)class;
    struct segments_cursor from = cursor_of_segments(env, bases, ranges);
    uint64_t at = (uint64_t)offset, stable_bytes = 0;
    int64_t result = wt_write_cursor_with((wt_file)file, &from.cursor, (uint64_t)length, &at, (uint32_t)durability,
                                          (uint32_t)flags, &stable_bytes);
    return result_of_write(result, at, flags, stable_bytes);
}

static jlong JNICALL read_segments(JNIEnv *env, jclass class, jlong file, jobjectArray bases, jlongArray ranges,
                                   jlong length, jlong offset, jint flags) {
    (void)class;
    struct segments_cursor to = cursor_of_segments(env, bases, ranges);
    return result_of(wt_read_cursor((wt_file)file, &to.cursor, (uint64_t)length, (uint64_t)offset, (uint32_t)flags), 0);
}

static jint JNICALL submit_segments(JNIEnv *env, jclass class, jlong file, jobjectArray bases, jlongArray ranges,
                                    jlong length, jlong offset, jint durability, jint flags, jlong token) {
    (void)class;
    struct segments_cursor from = cursor_of_segments(env, bases, ranges);
    return wt_write_submit_cursor((wt_file)file, &from.cursor, (uint64_t)length, (uint64_t)offset, (uint32_t)durability,
                                  (uint32_t)flags, (uint64_t)token);
}

static jlong JNICALL read_cached_segments(JNIEnv *env, jclass class, jlong file, jobjectArray bases, jlongArray ranges,
                                          jlong length, jlong offset) {
    (void)class;
    struct segments_cursor to = cursor_of_segments(env, bases, ranges);
    int64_t result = wt_read_cached_cursor((wt_file)file, &to.cursor, (uint64_t)length, (uint64_t)offset);
    return result_of(result, result == -EAGAIN ? to.done : 0);
}

/* ---- many writes ----------------------------------------------------------------------------------------------- */

/* As NativeIo.submitAll has them. */
struct request {
    jlong range; /* of its base: as a segment's */
    jlong offset;
    jlong token; /* and then the result of the submission */
};
#define REQUEST_LONGS ((jsize)(sizeof(struct request) / sizeof(jlong)))

static jint submit_request(JNIEnv *env, jlong file, jobject base, const struct request *request, jint durability,
                           jint flags) {
    jint start = (jint)(request->range >> 32), length = (jint)(request->range & INT32_MAX);
    if (!base) /* Java could not copy it */
        return -EFAULT;
    if ((*env)->GetDirectBufferAddress(env, base))
        return submit_direct(env, NULL, file, base, start, length, request->offset, durability, flags, request->token);
    return submit_array(env, NULL, file, base, start, length, request->offset, durability, flags, request->token);
}

static void JNICALL submit_all(JNIEnv *env, jclass class, jlong file, jobjectArray bases, jlongArray requests,
                               jint count, jint durability, jint flags) {
    (void)class;
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (jsize i = 0; i < count; i++) {
        struct request request;
        (*env)->GetLongArrayRegion(env, requests, i * REQUEST_LONGS, REQUEST_LONGS, (jlong *)&request);
        jobject base = (*env)->GetObjectArrayElement(env, bases, i);
        request.token = submit_request(env, file, base, &request, durability, flags);
        (*env)->DeleteLocalRef(env, base);
        (*env)->SetLongArrayRegion(env, requests, i * REQUEST_LONGS, REQUEST_LONGS, (const jlong *)&request);
        assert(!(*env)->ExceptionCheck(env));
    }
    wt_plug_end(&plug);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */

static jlong JNICALL size(JNIEnv *env, jclass class, jlong file) {
    (void)env;
    (void)class;
    return result_of(wt_size((wt_file)file), 0);
}

/* A number of what others may change about a file, besides times and extended attributes; 0: that is not known. */
static jlong JNICALL attributes(JNIEnv *env, jclass class, jlong file) {
    (void)env;
    (void)class;
    struct stat seen;
    int descriptor = wt_file_descriptor((wt_file)file);
    if (descriptor < 0 || fstat(descriptor, &seen))
        return 0;
    const uint64_t parts[] = {seen.st_mode, seen.st_uid, seen.st_gid, seen.st_nlink};
    uint64_t number = 1;
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        number = (number ^ parts[i]) * UINT64_C(0x9E3779B97F4A7C15) ^ number >> 29;
    return (jlong)number;
}

static jint JNICALL fetch(JNIEnv *env, jclass class, jlong file, jlong offset, jlong length, jint flags, jlong token) {
    (void)env;
    (void)class;
    return wt_fetch_submit((wt_file)file, (uint64_t)offset, (uint64_t)length, (uint32_t)flags, (uint64_t)token);
}

static jint JNICALL prefetch(JNIEnv *env, jclass class, jlong file, jlong offset, jlong length) {
    (void)env;
    (void)class;
    return wt_prefetch((wt_file)file, (uint64_t)offset, (uint64_t)length);
}

/* Java has two longs for a range: where it begins, and its length. */
#define RANGE_LONGS ((jsize)(sizeof(struct wt_prefetch_range) / sizeof(jlong)))
#define RANGES_AT_ONCE 256

static jint JNICALL prefetch_ranges(JNIEnv *env, jclass class, jlong file, jlongArray ranges) {
    (void)class;
    struct wt_prefetch_range some[RANGES_AT_ONCE];
    jsize count = (*env)->GetArrayLength(env, ranges) / RANGE_LONGS, done = 0;
    jint rc;
    do {
        jsize n = count - done < RANGES_AT_ONCE ? count - done : RANGES_AT_ONCE;
        (*env)->GetLongArrayRegion(env, ranges, done * RANGE_LONGS, n * RANGE_LONGS, (jlong *)some);
        rc = wt_prefetch_ranges((wt_file)file, some, n);
        done += n;
    } while (!rc && done < count);
    return rc;
}

/* Java has four longs for an event: its token, its result, its stable bytes, its offset. */
#define EVENT_LONGS ((jsize)(sizeof(struct wt_event) / sizeof(jlong)))
#define EVENTS_AT_ONCE 256

/* A negative count is -errno: then there are none. Returns the count. */
static jint give_events(JNIEnv *env, jlongArray into, const struct wt_event *events, int count) {
    if (count > 0)
        (*env)->SetLongArrayRegion(env, into, 0, count * EVENT_LONGS, (const jlong *)events);
    assert(!(*env)->ExceptionCheck(env));
    return count;
}

static jint JNICALL reap(JNIEnv *env, jclass class, jlong engine, jlongArray into, jlong timeout_ns) {
    (void)class;
    struct wt_event events[EVENTS_AT_ONCE];
    int count = wt_reap((wt_engine)engine, events, EVENTS_AT_ONCE, timeout_ns);
    return give_events(env, into, events, count);
}

/* ---- lanes ------------------------------------------------------------------------------------------------------- */

/* The handle, which is positive, or -errno. */
static jlong JNICALL lane_open(JNIEnv *env, jclass class, jlong engine, jint entries) {
    (void)env;
    (void)class;
    wt_lane lane = 0;
    int rc = wt_lane_open((wt_engine)engine, (uint32_t)entries, &lane);
    return rc ? rc : (jlong)lane;
}

static jint JNICALL lane_close(JNIEnv *env, jclass class, jlong lane) {
    (void)env;
    (void)class;
    return wt_lane_close((wt_lane)lane);
}

/* A submission by a lane of this thread. */
#define BY_LANE(handle, submission)                                                                                    \
    struct wt_lane_object *lane = wt_lane_of_thread((wt_lane)(handle));                                                \
    if (!lane)                                                                                                         \
        return -EPERM;                                                                                                 \
    struct wt_plug *before = wt_lane_enter(lane);                                                                      \
    jint rc = submission;                                                                                              \
    wt_lane_leave(lane, before);                                                                                       \
    return rc;

static jint JNICALL lane_write_direct(JNIEnv *env, jclass class, jlong lane_handle, jlong file, jobject source,
                                      jint start, jint length, jlong offset, jint durability, jint flags, jlong token) {
    BY_LANE(lane_handle, submit_direct(env, class, file, source, start, length, offset, durability, flags, token))
}

static jint JNICALL lane_write_array(JNIEnv *env, jclass class, jlong lane_handle, jlong file, jbyteArray source,
                                     jint start, jint length, jlong offset, jint durability, jint flags, jlong token) {
    BY_LANE(lane_handle, submit_array(env, class, file, source, start, length, offset, durability, flags, token))
}

static jint JNICALL lane_fetch(JNIEnv *env, jclass class, jlong lane_handle, jlong file, jlong offset, jlong length,
                               jint flags, jlong token) {
    BY_LANE(lane_handle, fetch(env, class, file, offset, length, flags, token))
}

static jint JNICALL lane_send(JNIEnv *env, jclass class, jlong lane) {
    (void)env;
    (void)class;
    return wt_lane_send((wt_lane)lane);
}

static jint JNICALL lane_poll(JNIEnv *env, jclass class, jlong lane, jlongArray into, jint max, jlong timeout_ns) {
    (void)class;
    struct wt_event events[EVENTS_AT_ONCE];
    int count = wt_lane_poll((wt_lane)lane, events, max < EVENTS_AT_ONCE ? max : EVENTS_AT_ONCE, timeout_ns);
    return give_events(env, into, events, count);
}

static jboolean JNICALL lane_work(JNIEnv *env, jclass class) {
    (void)env;
    (void)class;
    bool sent = wt_plug_send();
    return wt_plug_work() || sent;
}

static jint JNICALL refuse_lanes(JNIEnv *env, jclass class, jlong handle) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return 0;
    int rc = wt_lanes_refuse(engine);
    wt_engine_release((wt_engine)handle);
    return rc;
}

/* ---- another's ring ---------------------------------------------------------------------------------------------- */

/* As NativeIo.take has them. */
struct packed_transfer {
    jlong request; /* opcode, flags, ioprio, fd: from the lowest bit on */
    jlong offset;
    jlong address;
    jlong length; /* and above it rw_flags */
    jlong token;
};
#define TRANSFER_LONGS ((jsize)(sizeof(struct packed_transfer) / sizeof(jlong)))
#define TRANSFERS_AT_ONCE 64

static struct packed_transfer pack(const struct wt_transfer *transfer) {
    uint64_t request = transfer->opcode | (uint64_t)transfer->flags << 8 | (uint64_t)transfer->ioprio << 16 |
                       (uint64_t)(uint32_t)transfer->fd << 32;
    return (struct packed_transfer){
        .request = (jlong)request,
        .offset = (jlong)transfer->offset,
        .address = (jlong)transfer->address,
        .length = (jlong)(transfer->length | (uint64_t)transfer->rw_flags << 32),
        .token = transfer->token,
    };
}

static jint JNICALL take(JNIEnv *env, jclass class, jlong engine, jlongArray into) {
    (void)class;
    struct wt_transfer transfers[TRANSFERS_AT_ONCE];
    struct packed_transfer packed[TRANSFERS_AT_ONCE];
    int count = wt_external_take((wt_engine)engine, transfers, TRANSFERS_AT_ONCE);
    for (int i = 0; i < count; i++)
        packed[i] = pack(&transfers[i]);
    if (count > 0)
        (*env)->SetLongArrayRegion(env, into, 0, count * TRANSFER_LONGS, (const jlong *)packed);
    assert(!(*env)->ExceptionCheck(env));
    return count;
}

static jint JNICALL done(JNIEnv *env, jclass class, jlong engine, jlongArray from, jint count) {
    (void)class;
    jlong packed[TRANSFERS_AT_ONCE];
    struct wt_transfer_end ends[TRANSFERS_AT_ONCE];
    if (count < 0 || count > TRANSFERS_AT_ONCE)
        return -EINVAL;
    (*env)->GetLongArrayRegion(env, from, 0, count, packed);
    assert(!(*env)->ExceptionCheck(env));
    for (int i = 0; i < count; i++)
        ends[i] = (struct wt_transfer_end){.token = (uint32_t)(packed[i] >> 32), .result = (int32_t)packed[i]};
    return wt_external_done((wt_engine)engine, ends, count);
}

/* ---- the cache, for who reads it without these calls ------------------------------------------------------------- */

/* Sizes, and the places of what CacheView looks at, in the order of its constants. */
static void JNICALL view_layout(JNIEnv *env, jclass class, jintArray into) {
    (void)class;
    const jint layout[] = {
        sizeof(struct wt_folio),
        offsetof(struct wt_folio, chain),
        offsetof(struct wt_folio, frame),
        sizeof(struct wt_inode),
        offsetof(struct wt_inode, mapping.id),
        offsetof(struct wt_inode, ends.visible_size),
        offsetof(struct wt_inode, lost),
        WT_VIEW_HIT_STRIPES,
        WT_VIEW_HIT_BYTES,
        WT_VIEW_SLOT_PAGES,
        WT_VIEW_STRIPE_SLOTS,
    };
    (*env)->SetIntArrayRegion(env, into, 0, sizeof layout / sizeof *layout, layout);
    assert(!(*env)->ExceptionCheck(env));
}

static jlong JNICALL view_open(JNIEnv *env, jclass class, jlong handle) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return 0;
    struct wt_view *view = engine->cache.view;
    wt_view_use(view);
    wt_engine_release((wt_engine)handle);
    return (jlong)(intptr_t)view;
}

static void JNICALL view_close(JNIEnv *env, jclass class, jlong view) {
    (void)env;
    (void)class;
    wt_view_release((struct wt_view *)(intptr_t)view);
}

static jlong JNICALL view_bytes(JNIEnv *env, jclass class, jlong view, jint part) {
    (void)env;
    (void)class;
    assert(part >= 0 && part < WT_VIEW_PARTS);
    return (jlong)((struct wt_view *)(intptr_t)view)->parts[part].bytes;
}

static jobject JNICALL view_buffer(JNIEnv *env, jclass class, jlong view, jint part, jlong offset, jlong bytes) {
    (void)class;
    assert(part >= 0 && part < WT_VIEW_PARTS);
    char *start = ((struct wt_view *)(intptr_t)view)->parts[part].start;
    return (*env)->NewDirectByteBuffer(env, start + offset, bytes);
}

/* Fills in what CacheView.File is made of. False: this file's reads are calls of native code. */
static jboolean JNICALL view_file(JNIEnv *env, jclass class, jlong handle, jlongArray into) {
    (void)class;
    struct wt_file_object *file = wt_file_acquire((wt_file)handle);
    if (!file)
        return false;
    const struct wt_inode *inode = file->inode;
    const jlong fields[] = {
        (jlong)inode->mapping.id,
        inode->mapping.place,
        inode->mapping.geometry.block_shift,
        wt_folio_first_bucket(inode->mapping.id),
    };
    bool there = !inode->without_direct_io && inode->mapping.place != WT_NONE;
    wt_file_release((wt_file)handle);
    (*env)->SetLongArrayRegion(env, into, 0, sizeof fields / sizeof *fields, fields);
    assert(!(*env)->ExceptionCheck(env));
    return there;
}

static void JNICALL view_timed(JNIEnv *env, jclass class, jlong handle, jlong nanos) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return;
    wt_stats_add(engine, WT_HISTOGRAM_READ_HITS, (uint64_t)nanos);
    wt_engine_release((wt_engine)handle);
}

/* ---- pins -------------------------------------------------------------------------------------------------------- */

/* A run as CacheView takes it apart: where in the arena, and the length below it. */
#define PINNED_LENGTH_BITS 19
static_assert(WT_PIN_MOST < 1u << PINNED_LENGTH_BITS, "CacheView");

/* The count of runs, which go to the array; 0: there is nothing to read; -errno. Without a copy: see wt_pin_range. */
static jint JNICALL pin(JNIEnv *env, jclass class, jlong handle, jlong position, jint length, jboolean cached_only,
                        jlongArray into) {
    (void)class;
    struct wt_file_object *file = wt_file_acquire((wt_file)handle);
    if (!file)
        return -EBADF;
    int rc = wt_read_check(file, (uint64_t)length, (uint64_t)position);
    if (rc) {
        wt_file_release((wt_file)handle);
        return rc;
    }
    struct wt_pins pins;
    int64_t n = wt_pin_range(file, (uint64_t)position, (uint64_t)length, cached_only, &pins);
    jlong runs[WT_PIN_RUNS];
    for (uint32_t i = 0; n > 0 && i < pins.run_count; i++)
        runs[i] = (jlong)((uint8_t *)pins.runs[i].iov_base - file->inode->engine->cache.pool.arena)
                      << PINNED_LENGTH_BITS |
                  (jlong)pins.runs[i].iov_len;
    wt_file_release((wt_file)handle);
    if (n <= 0)
        return (jint)n;
    (*env)->SetLongArrayRegion(env, into, 0, (jsize)pins.run_count, runs);
    assert(!(*env)->ExceptionCheck(env));
    return (jint)pins.run_count;
}

/* Gives one run back. When the engine is closed there is nothing to give back. */
static void JNICALL unpin(JNIEnv *env, jclass class, jlong handle, jlong run) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return;
    struct wt_pool *pool = &engine->cache.pool;
    struct iovec given = {pool->arena + (run >> PINNED_LENGTH_BITS), (size_t)run & ((1u << PINNED_LENGTH_BITS) - 1)};
    wt_pins_leave(pool, &given, 1);
    wt_engine_release((wt_engine)handle);
}

/* CacheView took a pin off a page, which then had none, and had left its folio. */
static void JNICALL free_left(JNIEnv *env, jclass class, jlong handle, jint frame) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return;
    wt_pool_free_left(&engine->cache.pool, (uint32_t)frame);
    wt_engine_release((wt_engine)handle);
}

/* ---- the control plane ------------------------------------------------------------------------------------------- */

/* As CApi takes structures apart: arrays of bytes, or of longs where all of a structure are. */
static_assert(sizeof(struct wt_engine_options) == 32, "CApi.EngineOptions");
static_assert(sizeof(struct wt_engine_stats) % sizeof(jlong) == 0, "EngineStats has as many longs");
static_assert(sizeof(struct wt_extents) == 6 * sizeof(jlong), "CApi.Extents");
static_assert(sizeof(struct wt_holder) == 40, "CApi.Holder");
static_assert(sizeof(struct wt_profile) == 168 && offsetof(struct wt_profile, fs_magic) == 64, "CApi.Profile");

/* A path that ends with a 0. False: it is too long. */
static bool path_of(JNIEnv *env, jbyteArray from, char path[PATH_MAX]) {
    jsize length = (*env)->GetArrayLength(env, from);
    if (length > PATH_MAX)
        return false;
    (*env)->GetByteArrayRegion(env, from, 0, length, (jbyte *)path);
    assert(!(*env)->ExceptionCheck(env) && length > 0 && path[length - 1] == 0);
    return true;
}

static void to_bytes(JNIEnv *env, jbyteArray into, const void *structure, size_t bytes) {
    (*env)->SetByteArrayRegion(env, into, 0, (jsize)bytes, structure);
    assert(!(*env)->ExceptionCheck(env));
}

static void to_longs(JNIEnv *env, jlongArray into, const void *structure, size_t bytes) {
    (*env)->SetLongArrayRegion(env, into, 0, (jsize)(bytes / sizeof(jlong)), structure);
    assert(!(*env)->ExceptionCheck(env));
}

static jint open_with(JNIEnv *env, jbyteArray from, jlongArray into,
                      int (*open)(const struct wt_engine_options *, wt_engine *)) {
    struct wt_engine_options options;
    wt_engine engine = 0;
    (*env)->GetByteArrayRegion(env, from, 0, sizeof options, (jbyte *)&options);
    assert(!(*env)->ExceptionCheck(env));
    int rc = open(&options, &engine);
    to_longs(env, into, &engine, sizeof engine);
    return rc;
}

static jint JNICALL engine_open(JNIEnv *env, jclass class, jbyteArray options, jlongArray engine) {
    (void)class;
    return open_with(env, options, engine, wt_engine_open);
}

static jint JNICALL engine_open_external(JNIEnv *env, jclass class, jbyteArray options, jlongArray engine) {
    (void)class;
    return open_with(env, options, engine, wt_engine_open_external);
}

/* A call of one handle, and of a handle and one or two counts. */
#define CALL(name, function)                                                                                           \
    static jint JNICALL name(JNIEnv *env, jclass class, jlong handle) {                                                \
        (void)env;                                                                                                     \
        (void)class;                                                                                                   \
        return function((uint64_t)handle);                                                                             \
    }
#define CALL1(name, function)                                                                                          \
    static jint JNICALL name(JNIEnv *env, jclass class, jlong handle, jlong a) {                                       \
        (void)env;                                                                                                     \
        (void)class;                                                                                                   \
        return function((uint64_t)handle, (uint64_t)a);                                                                \
    }
#define CALL2(name, function)                                                                                          \
    static jint JNICALL name(JNIEnv *env, jclass class, jlong handle, jlong a, jlong b) {                              \
        (void)env;                                                                                                     \
        (void)class;                                                                                                   \
        return function((uint64_t)handle, (uint64_t)a, (uint64_t)b);                                                   \
    }

CALL(external_attach, wt_external_attach)
CALL(external_may_wait, wt_external_may_wait)
CALL(external_detach, wt_external_detach)
CALL(engine_shutdown, wt_engine_shutdown)
CALL(engine_close, wt_engine_close)
CALL(engine_backend, wt_engine_backend)
CALL(sync_file, wt_sync)
CALL(force_file, wt_force)
CALL(begin_mapping, wt_file_begin_mapping)
CALL(file_descriptor, wt_file_descriptor)
CALL(mapping_end, wt_mapping_end)
CALL1(truncate_file, wt_truncate)
CALL1(grow_ahead, wt_file_grow_ahead)
CALL2(allocate, wt_allocate)
CALL2(punch_hole, wt_punch_hole)
CALL2(zero, wt_zero)

static jint JNICALL mapping_begin(JNIEnv *env, jclass class, jlong file, jlong offset, jlong length, jlongArray into) {
    (void)class;
    wt_mapping mapping = 0;
    int rc = wt_mapping_begin((wt_file)file, (uint64_t)offset, (uint64_t)length, &mapping);
    to_longs(env, into, &mapping, sizeof mapping);
    return rc;
}

/* The handle and the address go to the first two elements. */
static jint JNICALL memory_map(JNIEnv *env, jclass class, jlong file, jlong offset, jlong length, jint flags,
                               jlongArray into) {
    (void)class;
    wt_memory memory = 0;
    void *address = NULL;
    int rc = wt_memory_map((wt_file)file, (uint64_t)offset, (uint64_t)length, (uint32_t)flags, &memory, &address);
    uint64_t told[] = {memory, (uint64_t)(uintptr_t)address};
    to_longs(env, into, told, sizeof told);
    return rc;
}

static jint JNICALL memory_force(JNIEnv *env, jclass class, jlong memory, jlong offset, jlong length) {
    (void)env, (void)class;
    return wt_memory_force((wt_memory)memory, (uint64_t)offset, (uint64_t)length);
}

static jint JNICALL memory_detach(JNIEnv *env, jclass class, jlong memory) {
    (void)env, (void)class;
    return wt_memory_detach((wt_memory)memory);
}

static jint JNICALL memory_unmap(JNIEnv *env, jclass class, jlong memory) {
    (void)env, (void)class;
    return wt_memory_unmap((wt_memory)memory);
}

static jint JNICALL memory_is_watched(JNIEnv *env, jclass class) {
    (void)env, (void)class;
    return wt_memory_is_watched();
}

static jobject JNICALL memory_buffer(JNIEnv *env, jclass class, jlong address, jint length) {
    (void)class;
    return (*env)->NewDirectByteBuffer(env, (void *)(uintptr_t)address, length);
}

static jint JNICALL engine_stats(JNIEnv *env, jclass class, jlong engine, jlongArray into) {
    (void)class;
    struct wt_engine_stats stats = {0};
    int rc = wt_engine_stats((wt_engine)engine, &stats);
    to_longs(env, into, &stats, sizeof stats);
    return rc;
}

static jint JNICALL engine_histogram(JNIEnv *env, jclass class, jlong engine, jint which, jlongArray into) {
    (void)class;
    struct wt_histogram histogram = {0};
    int rc = wt_engine_histogram((wt_engine)engine, (uint32_t)which, &histogram);
    to_longs(env, into, &histogram, sizeof histogram);
    return rc;
}

static jint JNICALL engine_set_background(JNIEnv *env, jclass class, jlong engine, jlong bytes_per_second,
                                          jlong operations_per_second, jlong in_flight_bytes) {
    (void)env;
    (void)class;
    return wt_engine_set_background((wt_engine)engine, (uint64_t)bytes_per_second, (uint64_t)operations_per_second,
                                    (uint64_t)in_flight_bytes);
}

static jint JNICALL engine_trace(JNIEnv *env, jclass class, jlong engine, jint what, jlong slow_ns) {
    (void)env;
    (void)class;
    return wt_engine_trace((wt_engine)engine, (uint32_t)what, (uint64_t)slow_ns);
}

/* The records are in a direct buffer, which has room for so many. */
static jint JNICALL trace_take(JNIEnv *env, jclass class, jlong engine, jobject records, jint max, jlong timeout_ns) {
    (void)class;
    struct wt_trace_record *into = (*env)->GetDirectBufferAddress(env, records);
    return into ? wt_trace_take((wt_engine)engine, into, max, timeout_ns) : -EOPNOTSUPP;
}

static jint JNICALL probe(JNIEnv *env, jclass class, jbyteArray from, jbyteArray into) {
    (void)class;
    char path[PATH_MAX];
    struct wt_profile profile = {0};
    int rc = path_of(env, from, path) ? wt_probe(path, &profile) : -ENAMETOOLONG;
    to_bytes(env, into, &profile, sizeof profile);
    return rc;
}

static jlong JNICALL written_size_of(JNIEnv *env, jclass class, jlong handle, jlong device, jlong number) {
    (void)env;
    (void)class;
    struct wt_engine_object *engine = wt_engine_acquire((wt_engine)handle);
    if (!engine)
        return -ENOENT;
    int64_t size = wt_inode_written_size(engine, (uint64_t)device, (uint64_t)number);
    wt_engine_release((wt_engine)handle);
    return size;
}

/* Follows links, as an open does. */
static jlong JNICALL written_size(JNIEnv *env, jclass class, jlong handle, jbyteArray from) {
    char path[PATH_MAX];
    struct stat seen;
    if (!path_of(env, from, path) || stat(path, &seen))
        return -ENOENT;
    return written_size_of(env, class, handle, (jlong)seen.st_dev, (jlong)seen.st_ino);
}

static jint JNICALL probe_extents(JNIEnv *env, jclass class, jbyteArray from, jlongArray into) {
    (void)class;
    char path[PATH_MAX];
    struct wt_extents extents = {0};
    int rc = path_of(env, from, path) ? wt_probe_extents(path, &extents) : -ENAMETOOLONG;
    to_longs(env, into, &extents, sizeof extents);
    return rc;
}

static jint JNICALL file_profile(JNIEnv *env, jclass class, jlong file, jbyteArray into) {
    (void)class;
    struct wt_profile profile = {0};
    int rc = wt_file_profile((wt_file)file, &profile);
    to_bytes(env, into, &profile, sizeof profile);
    return rc;
}

static jint JNICALL file_holder(JNIEnv *env, jclass class, jbyteArray from, jbyteArray into) {
    (void)class;
    char path[PATH_MAX];
    struct wt_holder holder = {0};
    int rc = path_of(env, from, path) ? wt_file_holder(path, &holder) : -ENAMETOOLONG;
    to_bytes(env, into, &holder, sizeof holder);
    return rc;
}

static jint JNICALL file_rename(JNIEnv *env, jclass class, jlong file, jbyteArray from, jbyteArray to, jint flags) {
    (void)class;
    char old_path[PATH_MAX], new_path[PATH_MAX];
    if (!path_of(env, from, old_path) || !path_of(env, to, new_path))
        return -ENAMETOOLONG;
    return wt_file_rename((wt_file)file, old_path, new_path, (uint32_t)flags);
}

static jstring JNICALL errno_name(JNIEnv *env, jclass class, jint number) {
    (void)class;
    const char *name = wt_errno_name(number);
    return name ? (*env)->NewStringUTF(env, name) : NULL;
}

static jint register_control_plane(JNIEnv *env) {
    static const JNINativeMethod methods[] = {
        {"wt_engine_open", "([B[J)I", (void *)engine_open},
        {"wt_engine_open_external", "([B[J)I", (void *)engine_open_external},
        {"wt_external_attach", "(J)I", (void *)external_attach},
        {"wt_external_may_wait", "(J)I", (void *)external_may_wait},
        {"wt_external_detach", "(J)I", (void *)external_detach},
        {"wt_engine_shutdown", "(J)I", (void *)engine_shutdown},
        {"wt_engine_close", "(J)I", (void *)engine_close},
        {"wt_engine_stats", "(J[J)I", (void *)engine_stats},
        {"wt_engine_histogram", "(JI[J)I", (void *)engine_histogram},
        {"wt_engine_set_background", "(JJJJ)I", (void *)engine_set_background},
        {"wt_engine_trace", "(JIJ)I", (void *)engine_trace},
        {"wt_trace_take", "(JLjava/nio/ByteBuffer;IJ)I", (void *)trace_take},
        {"wt_engine_backend", "(J)I", (void *)engine_backend},
        {"wt_probe", "([B[B)I", (void *)probe},
        {"wt_probe_extents", "([B[J)I", (void *)probe_extents},
        {"wt_file_profile", "(J[B)I", (void *)file_profile},
        {"wt_file_holder", "([B[B)I", (void *)file_holder},
        {"wt_file_grow_ahead", "(JJ)I", (void *)grow_ahead},
        {"wt_file_rename", "(J[B[BI)I", (void *)file_rename},
        {"wt_truncate", "(JJ)I", (void *)truncate_file},
        {"wt_allocate", "(JJJ)I", (void *)allocate},
        {"wt_punch_hole", "(JJJ)I", (void *)punch_hole},
        {"wt_zero", "(JJJ)I", (void *)zero},
        {"wt_sync", "(J)I", (void *)sync_file},
        {"wt_force", "(J)I", (void *)force_file},
        {"wt_file_begin_mapping", "(J)I", (void *)begin_mapping},
        {"wt_mapping_begin", "(JJJ[J)I", (void *)mapping_begin},
        {"wt_mapping_end", "(J)I", (void *)mapping_end},
        {"wt_memory_map", "(JJJI[J)I", (void *)memory_map},
        {"wt_memory_force", "(JJJ)I", (void *)memory_force},
        {"wt_memory_detach", "(J)I", (void *)memory_detach},
        {"wt_memory_unmap", "(J)I", (void *)memory_unmap},
        {"wt_memory_is_watched", "()I", (void *)memory_is_watched},
        {"memoryBuffer", "(JI)Ljava/nio/ByteBuffer;", (void *)memory_buffer},
        {"wt_file_descriptor", "(J)I", (void *)file_descriptor},
        {"wt_errno_name", "(I)Ljava/lang/String;", (void *)errno_name},
    };
    jclass control_plane = (*env)->FindClass(env, C_API);
    if (!control_plane)
        return JNI_ERR;
    return (*env)->RegisterNatives(env, control_plane, methods, sizeof methods / sizeof methods[0]);
}

/* ---- what the JVM knows of buffers ------------------------------------------------------------------------------- */

/* As setAccessible(true), for a field or method of a package that its module does not open. */
static jboolean JNICALL make_accessible(JNIEnv *env, jclass class, jobject member) {
    (void)class;
    jclass accessible = (*env)->FindClass(env, "java/lang/reflect/AccessibleObject");
    jfieldID override = accessible ? (*env)->GetFieldID(env, accessible, "override", "Z") : NULL;
    if (!override) {
        (*env)->ExceptionClear(env);
        return false;
    }
    (*env)->SetBooleanField(env, member, override, true);
    return true;
}

/*
 * Memory of a mapped file that was cut short is SIGBUS to a thread of the JVM, and EFAULT to the kernel: so the
 * kernel copies. Where the kernel may not read this process's memory as another's (seccomp), a pipe does the copy.
 */
static bool copy_guarded(void *to, const void *from, size_t length) {
    struct iovec local = {.iov_base = to, .iov_len = length};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = length};
    ssize_t copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (copied >= 0 || errno == EFAULT)
        return copied == (ssize_t)length;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return false;
    bool whole = write(ends[1], from, length) == (ssize_t)length && read(ends[0], to, length) == (ssize_t)length;
    close(ends[0]);
    close(ends[1]);
    return whole;
}

/* At most PIPE_BUF, which a pipe takes whole. */
#define GUARDED_BYTES 4096

static jboolean JNICALL copy_out(JNIEnv *env, jclass class, jobject source, jint start, jbyteArray into, jint length) {
    (void)class;
    jbyte piece[GUARDED_BYTES];
    char *from = address_of(env, source);
    for (jint done = 0, n; done < length; done += n) {
        n = length - done < GUARDED_BYTES ? length - done : GUARDED_BYTES;
        if (!copy_guarded(piece, from + start + done, (size_t)n))
            return false;
        (*env)->SetByteArrayRegion(env, into, done, n, piece);
    }
    assert(!(*env)->ExceptionCheck(env));
    return true;
}

static jboolean JNICALL copy_in(JNIEnv *env, jclass class, jobject destination, jint start, jbyteArray from,
                                jint length) {
    (void)class;
    jbyte piece[GUARDED_BYTES];
    char *to = address_of(env, destination);
    for (jint done = 0, n; done < length; done += n) {
        n = length - done < GUARDED_BYTES ? length - done : GUARDED_BYTES;
        (*env)->GetByteArrayRegion(env, from, done, n, piece);
        if (!copy_guarded(to + start + done, piece, (size_t)n))
            return false;
    }
    assert(!(*env)->ExceptionCheck(env));
    return true;
}

/* ---- what the JVM loads ------------------------------------------------------------------------------------------ */

static const JNINativeMethod data_plane_methods[] = {
    {"open", "(J[BIII)J", (void *)open_file},
    {"close", "(J)I", (void *)close_file},
    {"setDescriptor", "(Ljava/io/FileDescriptor;I)Z", (void *)set_descriptor},
    {"letMap", "(Ljava/nio/channels/FileChannel;)Z", (void *)let_map},
    {"reopen", "(II)I", (void *)reopen},
    {"errorText", "(I)Ljava/lang/String;", (void *)error_text},
    {"mapPrivate", "(IJJ)J", (void *)map_private},
    {"unmap", "(JJ)V", (void *)unmap},
    {"memory", "(JJ)Ljava/nio/ByteBuffer;", (void *)memory_of},
    {"writeDirect", "(JLjava/nio/ByteBuffer;IIJII)J", (void *)write_direct},
    {"readDirect", "(JLjava/nio/ByteBuffer;IIJI)J", (void *)read_direct},
    {"writeArray", "(J[BIIJII)J", (void *)write_array},
    {"readArray", "(J[BIIJI)J", (void *)read_array},
    {"writeSegments", "(J[Ljava/lang/Object;[JJJII)J", (void *)write_segments},
    {"readSegments", "(J[Ljava/lang/Object;[JJJI)J", (void *)read_segments},
    {"submitDirect", "(JLjava/nio/ByteBuffer;IIJIIJ)I", (void *)submit_direct},
    {"submitArray", "(J[BIIJIIJ)I", (void *)submit_array},
    {"submitSegments", "(J[Ljava/lang/Object;[JJJIIJ)I", (void *)submit_segments},
    {"submitAll", "(J[Ljava/lang/Object;[JIII)V", (void *)submit_all},
    {"readCachedDirect", "(JLjava/nio/ByteBuffer;IIJ)J", (void *)read_cached_direct},
    {"readCachedArray", "(J[BIIJ)J", (void *)read_cached_array},
    {"readCachedSegments", "(J[Ljava/lang/Object;[JJJ)J", (void *)read_cached_segments},
    {"fetch", "(JJJIJ)I", (void *)fetch},
    {"prefetch", "(JJJ)I", (void *)prefetch},
    {"prefetchRanges", "(J[J)I", (void *)prefetch_ranges},
    {"reap", "(J[JJ)I", (void *)reap},
    {"laneOpen", "(JI)J", (void *)lane_open},
    {"laneClose", "(J)I", (void *)lane_close},
    {"laneWriteDirect", "(JJLjava/nio/ByteBuffer;IIJIIJ)I", (void *)lane_write_direct},
    {"laneWriteArray", "(JJ[BIIJIIJ)I", (void *)lane_write_array},
    {"laneFetch", "(JJJJIJ)I", (void *)lane_fetch},
    {"laneSend", "(J)I", (void *)lane_send},
    {"lanePoll", "(J[JIJ)I", (void *)lane_poll},
    {"laneWork", "()Z", (void *)lane_work},
    {"refuseLanes", "(J)I", (void *)refuse_lanes},
    {"writtenSize", "(J[B)J", (void *)written_size},
    {"writtenSizeOf", "(JJJ)J", (void *)written_size_of},
    {"attributes", "(J)J", (void *)attributes},
    {"size", "(J)J", (void *)size},
    {"take", "(J[J)I", (void *)take},
    {"done", "(J[JI)I", (void *)done},
    {"viewLayout", "([I)V", (void *)view_layout},
    {"viewOpen", "(J)J", (void *)view_open},
    {"viewClose", "(J)V", (void *)view_close},
    {"viewBytes", "(JI)J", (void *)view_bytes},
    {"viewBuffer", "(JIJJ)Ljava/nio/ByteBuffer;", (void *)view_buffer},
    {"viewFile", "(J[J)Z", (void *)view_file},
    {"viewTimed", "(JJ)V", (void *)view_timed},
    {"pin", "(JJIZ[J)I", (void *)pin},
    {"freeLeft", "(JI)V", (void *)free_left},
    {"unpin", "(JJ)V", (void *)unpin},
    {"makeAccessible", "(Ljava/lang/reflect/AccessibleObject;)Z", (void *)make_accessible},
    {"copyOut", "(Ljava/nio/ByteBuffer;I[BI)Z", (void *)copy_out},
    {"copyIn", "(Ljava/nio/ByteBuffer;I[BI)Z", (void *)copy_in},
};

static jint register_data_plane(JNIEnv *env) {
    jclass data_plane = (*env)->FindClass(env, NATIVE_IO);
    if (!data_plane)
        return JNI_ERR;
    return (*env)->RegisterNatives(env, data_plane, data_plane_methods,
                                   sizeof data_plane_methods / sizeof data_plane_methods[0]);
}

/* Exported by its name, for classes of any release. */
JNIEXPORT jint JNICALL Java_io_writethrough_internal_load_NativeLibraries_abiVersion(JNIEnv *env, jclass class) {
    (void)env;
    (void)class;
    return (jint)wt_abi_version();
}

/* Whether the classes are of this library's ABI version. If not, they may lack a method that is registered here. */
static bool classes_fit(JNIEnv *env) {
    jclass control_plane = (*env)->FindClass(env, C_API);
    jfieldID version = control_plane ? (*env)->GetStaticFieldID(env, control_plane, "ABI_VERSION", "I") : NULL;
    if (!version) {
        (*env)->ExceptionClear(env);
        return false;
    }
    return (uint32_t)(*env)->GetStaticIntField(env, control_plane, version) == wt_abi_version();
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    (void)reserved;
    JNIEnv *env;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_10) != JNI_OK)
        return JNI_ERR;
    if (!classes_fit(env))
        return JNI_VERSION_10; /* they ask for the version, and say what is wrong */
    if (register_data_plane(env) != JNI_OK || register_control_plane(env) != JNI_OK)
        return JNI_ERR;
    find_buffer_address(env);
    find_descriptor_number(env);
    return JNI_VERSION_10;
}
