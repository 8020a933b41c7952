/* A webcam for programs that are started with this library in LD_PRELOAD, on a machine that has none.

   Answers the calls by which a program talks to a Video4Linux camera (open, ioctl, mmap), so that the program's own
   camera code runs unchanged. The folder VIRTUAL_CAMERA holds the device, "video0", and a file of frames for each mode
   it offers, named like "MJPG_640x480" or "YUYV_640x480": each frame is its length in 4 bytes and the driver's bytes,
   and they come again and again, 30 a second, ten if uncompressed and wider than 640 px. A file that takes the place
   of another is shown from its next frame on. A file "unplugged" in the folder takes the camera away. As with a real
   one, a second program can open it, but not stream. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BUFFERS 8
#define MODES 8

struct mode { uint32_t pixels, width, height; };
struct buffer { void *start; int queued; };

static struct mode modes[MODES];
static int mode_count, chosen;
static int fd = -1, device_fd = -1, lock_fd = -1;
static struct buffer buffers[BUFFERS];
static uint32_t buffer_count, next_buffer, sequence;
static FILE *frames;
static ino_t frames_inode;

static const char *path_of(const char *name) {
    /* Of each thread its own: programs open files while another thread reads the camera. */
    static _Thread_local char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("VIRTUAL_CAMERA"), name);
    return path;
}

static int unplugged(void) { return access(path_of("unplugged"), F_OK) == 0; }

static uint32_t largest_frame(const struct mode *mode) { return mode->width * mode->height * 2; }

static uint32_t frames_per_s(const struct mode *mode) {
    return mode->pixels == V4L2_PIX_FMT_YUYV && mode->width > 640 ? 10 : 30;
}

static void read_modes(void) {
    DIR *folder = opendir(getenv("VIRTUAL_CAMERA"));
    mode_count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder)) && mode_count < MODES;) {
        char pixels[5];
        struct mode *mode = &modes[mode_count];
        if (sscanf(entry->d_name, "%4[A-Z]_%ux%u", pixels, &mode->width, &mode->height) == 3) {
            mode->pixels = v4l2_fourcc(pixels[0], pixels[1], pixels[2], pixels[3]);
            mode_count++;
        }
    }
    if (folder) closedir(folder);
}

/* The mode a driver falls back to: the format if it has it, then the nearest size. */
static int nearest(uint32_t pixels, uint32_t width, uint32_t height) {
    int best = 0;
    int64_t least = INT64_MAX;
    for (int i = 0; i < mode_count; i++) {
        int64_t off = llabs((int64_t)modes[i].width - width) + llabs((int64_t)modes[i].height - height);
        if (modes[i].pixels != pixels) off += 1 << 20;
        if (off < least) { least = off; best = i; }
    }
    return best;
}

static void tell_format(struct v4l2_format *format) {
    const struct mode *mode = &modes[chosen];
    memset(&format->fmt, 0, sizeof format->fmt);
    format->fmt.pix.width = mode->width;
    format->fmt.pix.height = mode->height;
    format->fmt.pix.pixelformat = mode->pixels;
    format->fmt.pix.field = V4L2_FIELD_NONE;
    format->fmt.pix.bytesperline = mode->pixels == V4L2_PIX_FMT_YUYV ? mode->width * 2 : 0;
    format->fmt.pix.sizeimage = largest_frame(mode);
}

static int fail(int reason) { errno = reason; return -1; }

static void let_go(void) {
    if (lock_fd >= 0) syscall(SYS_close, lock_fd);
    lock_fd = -1;
}

static int request_buffers(struct v4l2_requestbuffers *wanted) {
    if (wanted->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (wanted->count == 0) {
        let_go();
    } else if (lock_fd < 0) {
        lock_fd = (int)syscall(SYS_openat, AT_FDCWD, path_of("in-use"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
            syscall(SYS_close, lock_fd);
            lock_fd = -1;
            return fail(EBUSY);
        }
    }
    if (wanted->count > BUFFERS) wanted->count = BUFFERS;
    buffer_count = wanted->count;
    next_buffer = 0;
    memset(buffers, 0, sizeof buffers);
    return 0;
}

/* The frames of the chosen mode, from their beginning if the file is another one than before. */
static int open_frames(void) {
    char name[64];
    struct stat facts;
    const struct mode *mode = &modes[chosen];
    snprintf(name, sizeof name, "%.4s_%ux%u", (const char *)&mode->pixels, mode->width, mode->height);
    if (stat(path_of(name), &facts) != 0) return fail(EIO);
    if (frames && facts.st_ino == frames_inode) return 0;
    if (frames) fclose(frames);
    frames = fopen(path_of(name), "rb");
    frames_inode = facts.st_ino;
    return frames ? 0 : fail(EIO);
}

static int take_frame(struct v4l2_buffer *asked) {
    uint64_t ticks;
    uint32_t length;
    if (unplugged()) return fail(ENODEV);
    if (read(fd, &ticks, sizeof ticks) != sizeof ticks) return fail(EAGAIN);
    struct buffer *buffer = &buffers[next_buffer];
    if (!buffer->queued) return fail(EAGAIN);
    if (open_frames() != 0) return -1;
    /* A reader that is late misses frames, as the sensor does not wait. */
    for (uint64_t i = 0; i < ticks; i++) {
        if (fread(&length, 4, 1, frames) != 1) {
            rewind(frames);
            if (fread(&length, 4, 1, frames) != 1) return fail(EIO);
        }
        if (length > largest_frame(&modes[chosen])) return fail(EIO);
        if (i + 1 < ticks) fseek(frames, length, SEEK_CUR);
    }
    if (fread(buffer->start, 1, length, frames) != length) return fail(EIO);
    memset(asked, 0, sizeof *asked);
    asked->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    asked->memory = V4L2_MEMORY_MMAP;
    asked->index = next_buffer;
    asked->bytesused = length;
    asked->length = largest_frame(&modes[chosen]);
    sequence += (uint32_t)ticks;
    asked->sequence = sequence;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    asked->timestamp.tv_sec = now.tv_sec;
    asked->timestamp.tv_usec = now.tv_nsec / 1000;
    buffer->queued = 0;
    next_buffer = (next_buffer + 1) % buffer_count;
    return 0;
}

static int start_stream(void) {
    struct timespec every = {0, 1000000000 / frames_per_s(&modes[chosen])};
    struct itimerspec pace = {every, every};
    return open_frames() == 0 ? timerfd_settime(fd, 0, &pace, NULL) : -1;
}

static void stop_stream(void) {
    if (frames) fclose(frames);
    frames = NULL;
}

static int answer(unsigned long request, void *data) {
    if (unplugged()) return fail(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *able = data;
        memset(able, 0, sizeof *able);
        strcpy((char *)able->driver, "uvcvideo");
        strcpy((char *)able->card, "Virtual Camera");
        able->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        able->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_G_INPUT: *(int *)data = 0; return 0;
    case VIDIOC_S_INPUT: return *(int *)data == 0 ? 0 : fail(EINVAL);
    case VIDIOC_G_FMT: tell_format(data); return 0;
    case VIDIOC_S_FMT: {
        struct v4l2_format *format = data;
        if (lock_fd >= 0) return fail(EBUSY);
        chosen = nearest(format->fmt.pix.pixelformat, format->fmt.pix.width, format->fmt.pix.height);
        tell_format(format);
        return 0;
    }
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_streamparm *rate = data;
        rate->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        rate->parm.capture.timeperframe = (struct v4l2_fract){1, frames_per_s(&modes[chosen])};
        return 0;
    }
    case VIDIOC_REQBUFS: return request_buffers(data);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = data;
        if (buffer->index >= buffer_count) return fail(EINVAL);
        buffer->length = largest_frame(&modes[chosen]);
        buffer->m.offset = buffer->index * 4096;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *buffer = data;
        if (buffer->index >= buffer_count) return fail(EINVAL);
        buffers[buffer->index].queued = 1;
        return 0;
    }
    case VIDIOC_DQBUF: return take_frame(data);
    case VIDIOC_STREAMON: return start_stream();
    case VIDIOC_STREAMOFF: stop_stream(); return 0;
    default: return fail(ENOTTY);
    }
}

static int is_camera(const char *path) {
    return getenv("VIRTUAL_CAMERA") && strcmp(path, path_of("video0")) == 0;
}

static int open_camera(void) {
    if (unplugged()) return fail(ENOENT);
    if (fd >= 0) return fail(EBUSY);
    read_modes();
    if (mode_count == 0) return fail(ENODEV);
    chosen = 0;
    /* What shows in /proc that this process holds the device; frames come at the ticks of a timer. */
    device_fd = (int)syscall(SYS_openat, AT_FDCWD, path_of("video0"), O_RDONLY | O_CLOEXEC);
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t rights = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return is_camera(path) ? open_camera() : (int)syscall(SYS_openat, AT_FDCWD, path, flags, rights);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int ioctl(int which, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *data = va_arg(more, void *);
    va_end(more);
    return which == fd && fd >= 0 ? answer(request, data) : (int)syscall(SYS_ioctl, which, request, data);
}

void *mmap64(void *at, size_t length, int rights, int flags, int which, off64_t offset) {
    if (which < 0 || which != fd) return (void *)syscall(SYS_mmap, at, length, rights, flags, which, offset);
    void *start = (void *)syscall(SYS_mmap, NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    buffers[(offset / 4096) % BUFFERS].start = start;
    return start;
}

void *mmap(void *at, size_t length, int rights, int flags, int which, off_t offset) {
    return mmap64(at, length, rights, flags, which, offset);
}

int close(int which) {
    if (which == fd && fd >= 0) {
        stop_stream();
        let_go();
        syscall(SYS_close, device_fd);
        fd = -1;
    }
    return (int)syscall(SYS_close, which);
}
