// Makes readdir() say of every entry that its type is not known, as some file systems do. Loaded by LD_PRELOAD.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>

struct dirent* readdir(DIR* dir) {
  struct dirent* (*next)(DIR*) = (struct dirent * (*)(DIR*)) dlsym(RTLD_NEXT, "readdir");
  struct dirent* entry = next(dir);
  if (entry != 0) entry->d_type = DT_UNKNOWN;
  return entry;
}

// With 64-bit file offsets programs call this name; on x86-64 the two structures are the same.
struct dirent64* readdir64(DIR* dir) {
  struct dirent64* (*next)(DIR*) = (struct dirent64 * (*)(DIR*)) dlsym(RTLD_NEXT, "readdir64");
  struct dirent64* entry = next(dir);
  if (entry != 0) entry->d_type = DT_UNKNOWN;
  return entry;
}
