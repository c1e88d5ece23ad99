// fs-verity for kernels and file systems that have none: ioctl() itself answers
// FS_IOC_ENABLE_VERITY and FS_IOC_MEASURE_VERITY, as Documentation/filesystems/fsverity.rst tells,
// where the environment has JET_FAKE_VERITY. Linked into a test, or loaded before the program by
// LD_PRELOAD. The digest is kept in an attribute of the file; that the content cannot be changed
// afterwards is not imitated. A number in JET_FAKE_VERITY is the errno of every enabling; one below
// zero is for a reason of the file, which measuring does not tell. JET_FAKE_VERITY_CHANGE in the
// environment: the file is changed just before it is enabled.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libfsverity.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char kAttribute[] = "trusted.jet-fake-verity";

struct reader {
  int fd;
  off_t position;
};

static int read_file(void* context, void* to, size_t count) {
  struct reader* reader = context;
  if (pread(reader->fd, to, count, reader->position) != (ssize_t)count) return -EIO;
  reader->position += (off_t)count;
  return 0;
}

static int has_writer(int fd) {
  const int before = fcntl(fd, F_GETLEASE);
  if (before != F_UNLCK) return 0;
  if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return 0;
}

// Returns an errno.
static int enable(int fd, const struct fsverity_enable_arg* arg) {
  const int forced = abs(atoi(getenv("JET_FAKE_VERITY")));
  if (forced != 0) return forced;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY || has_writer(fd)) return ETXTBSY;
  if (arg->version != 1 || arg->block_size != 4096 || arg->salt_size != 0 || arg->sig_size != 0)
    return EINVAL;
  if (fgetxattr(fd, kAttribute, NULL, 0) >= 0) return EEXIST;
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  struct libfsverity_merkle_tree_params parameters = {.version = 1,
                                                      .hash_algorithm = arg->hash_algorithm,
                                                      .block_size = arg->block_size,
                                                      .file_size = (uint64_t)status.st_size};
  struct reader reader = {fd, 0};
  struct libfsverity_digest* digest = NULL;
  const int result = libfsverity_compute_digest(&reader, read_file, &parameters, &digest);
  if (result != 0) return -result;
  if (getenv("JET_FAKE_VERITY_CHANGE") != NULL) digest->digest[0] ^= 1;
  const int stored =
      fsetxattr(fd, kAttribute, digest, sizeof(*digest) + digest->digest_size, XATTR_CREATE);
  const int error_number = stored == 0 ? 0 : errno;
  free(digest);
  return error_number;
}

// Returns an errno.
static int measure(int fd, struct fsverity_digest* to) {
  const int forced = atoi(getenv("JET_FAKE_VERITY"));
  if (forced == ENOTTY || forced == EOPNOTSUPP) return forced;
  char stored[sizeof(struct fsverity_digest) + 64];
  const ssize_t size = fgetxattr(fd, kAttribute, stored, sizeof(stored));
  if (size < 0) return ENODATA;
  if (to->digest_size < (size_t)size - sizeof(*to)) return EOVERFLOW;
  memcpy(to, stored, (size_t)size);
  return 0;
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  const int fake = getenv("JET_FAKE_VERITY") != NULL;
  if (!fake || (request != FS_IOC_ENABLE_VERITY && request != FS_IOC_MEASURE_VERITY)) {
    return (int)syscall(SYS_ioctl, fd, request, argument);
  }
  errno = request == FS_IOC_ENABLE_VERITY ? enable(fd, argument) : measure(fd, argument);
  return errno == 0 ? 0 : -1;
}
