/* Opens a shared object and calls into it. Runs from the guest's initramfs, which the policy
 * exempts, so that only the shared object is judged. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  void* library = dlopen(argv[1], RTLD_NOW);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const char* (*row)(void) = NULL;
  *(void**)&row = dlsym(library, "jet_lab_row");
  if (row == NULL) return 2;
  puts(row());
  return 0;
}
