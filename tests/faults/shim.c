/* Makes a disk and a clock fail, for one process: preloaded into a learner by tests/faults/disks.py.
 *
 * A control file (FAULTS_CONTROL) is read before each call of those below, so that a test breaks
 * and mends the disk while the learner runs. Its lines:
 *
 *     fail CALL ERRNO FROM PREFIX   the FROM-th CALL on a path that begins so, and all after it
 *     slow CALL MILLISECONDS 0 PREFIX
 *     clock SECONDS                 what CLOCK_REALTIME is moved by
 *
 * CALL is open (for writing), mkdir, rename, write, truncate or sync. Calls are counted from when
 * the file was last changed. Each call on a path that a rule fits is appended to FAULTS_CONTROL
 * with the suffix ".hits" as one byte, so that a test knows that the fault has been met.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_RULES 16

static long counts[MOST_RULES];
static struct timespec counted_since;
static ino_t counted_file;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The control file's content, by system calls of its own: nothing here may come back to itself. */
static long control(char *text, size_t room)
{
    const char *path = getenv("FAULTS_CONTROL");
    if (path == NULL)
        return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return 0;
    struct stat now;
    if (syscall(SYS_fstat, file, &now) == 0 &&
        (now.st_ino != counted_file || now.st_mtim.tv_sec != counted_since.tv_sec ||
         now.st_mtim.tv_nsec != counted_since.tv_nsec)) {
        memset(counts, 0, sizeof counts);
        counted_file = now.st_ino;
        counted_since = now.st_mtim;
    }
    long size = syscall(SYS_read, file, text, room - 1);
    syscall(SYS_close, file);
    text[size > 0 ? size : 0] = 0;
    return size;
}

static void hit(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.hits", getenv("FAULTS_CONTROL"));
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) {
        syscall(SYS_write, file, "x", 1);
        syscall(SYS_close, file);
    }
}

/* What becomes of a call on a path: 0, or the errno with which it fails; slow ones sleep here. */
static int fate(const char *call, const char *path)
{
    char text[4096], name[16], action[16], prefix[PATH_MAX];
    int saved = errno;
    if (path == NULL || control(text, sizeof text) <= 0)
        return 0;
    char *rest = NULL;
    int number = 0, verdict = 0;
    for (char *line = strtok_r(text, "\n", &rest); line && number < MOST_RULES;
         line = strtok_r(NULL, "\n", &rest), number++) {
        int what = 0;
        long from = 0;
        if (sscanf(line, "%15s %15s %d %ld %4095[^\n]", action, name, &what, &from, prefix) != 5 ||
            strcmp(name, call) != 0 || strncmp(path, prefix, strlen(prefix)) != 0)
            continue;
        if (__atomic_add_fetch(&counts[number], 1, __ATOMIC_SEQ_CST) < from)
            continue;
        hit();
        if (strcmp(action, "slow") == 0)
            usleep((useconds_t)what * 1000);
        else
            verdict = what;
    }
    errno = saved;
    return verdict;
}

static int fate_at(const char *call, int folder, const char *path)
{
    if (path != NULL && path[0] != '/' && folder != AT_FDCWD) {
        char link[64], base[PATH_MAX], whole[2 * PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, base, sizeof base - 1);
        if (size > 0) {
            base[size] = 0;
            snprintf(whole, sizeof whole, "%s/%s", base, path);
            return fate(call, whole);
        }
    }
    return fate(call, path);
}

static int fate_of(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0 || path[0] != '/')
        return 0;
    path[size] = 0;
    return fate(call, path);
}

#define UNLESS_FATED(verdict)        \
    do {                             \
        int failure = (verdict);     \
        if (failure) {               \
            errno = failure;         \
            return -1;               \
        }                            \
    } while (0)

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & (O_CREAT | O_TMPFILE)) ? (mode_t)va_arg(rest, int) : 0;
}

static int writes(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
}

#define OPEN(name)                                                   \
    int name(const char *path, int flags, ...)                       \
    {                                                                \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode_t mode = mode_of(flags, rest);                          \
        va_end(rest);                                                \
        if (writes(flags))                                           \
            UNLESS_FATED(fate("open", path));                        \
        return REAL(name)(path, flags, mode);                        \
    }

#define OPENAT(name)                                                 \
    int name(int folder, const char *path, int flags, ...)           \
    {                                                                \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode_t mode = mode_of(flags, rest);                          \
        va_end(rest);                                                \
        if (writes(flags))                                           \
            UNLESS_FATED(fate_at("open", folder, path));             \
        return REAL(name)(folder, path, flags, mode);                \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* C++'s streams, which Vowpal Wabbit may write with, open by this one. */
FILE *fopen(const char *path, const char *mode)
{
    int failure = strpbrk(mode, "wa+") ? fate("open", path) : 0;
    if (failure) {
        errno = failure;
        return NULL;
    }
    return REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    int failure = strpbrk(mode, "wa+") ? fate("open", path) : 0;
    if (failure) {
        errno = failure;
        return NULL;
    }
    return REAL(fopen64)(path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    UNLESS_FATED(fate("mkdir", path));
    return REAL(mkdir)(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    UNLESS_FATED(fate_at("mkdir", folder, path));
    return REAL(mkdirat)(folder, path, mode);
}

int rename(const char *from, const char *to)
{
    UNLESS_FATED(fate("rename", to));
    return REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    UNLESS_FATED(fate_at("rename", to_folder, to));
    return REAL(renameat)(from_folder, from, to_folder, to);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    UNLESS_FATED(fate_of("write", file));
    return REAL(write)(file, bytes, size);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    UNLESS_FATED(fate_of("write", file));
    return REAL(writev)(file, parts, count);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at)
{
    UNLESS_FATED(fate_of("write", file));
    return REAL(pwrite)(file, bytes, size, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at)
{
    UNLESS_FATED(fate_of("write", file));
    return REAL(pwrite64)(file, bytes, size, at);
}

int ftruncate(int file, off_t size)
{
    UNLESS_FATED(fate_of("truncate", file));
    return REAL(ftruncate)(file, size);
}

int ftruncate64(int file, off64_t size)
{
    UNLESS_FATED(fate_of("truncate", file));
    return REAL(ftruncate64)(file, size);
}

int fsync(int file)
{
    UNLESS_FATED(fate_of("sync", file));
    return REAL(fsync)(file);
}

int fdatasync(int file)
{
    UNLESS_FATED(fate_of("sync", file));
    return REAL(fdatasync)(file);
}

/* How far the clock is wrong, in seconds. */
static long moved(void)
{
    char text[4096];
    long seconds = 0;
    if (control(text, sizeof text) <= 0)
        return 0;
    char *line = strstr(text, "clock ");
    if (line != NULL)
        sscanf(line, "clock %ld", &seconds);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += moved();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int result = (int)syscall(SYS_gettimeofday, now, zone);
    if (result == 0)
        now->tv_sec += moved();
    return result;
}

time_t time(time_t *result)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL)
        *result = now.tv_sec;
    return now.tv_sec;
}
