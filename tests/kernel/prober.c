/* Runs many programs, one after the other, and says of each what became of it, as `try` of
 * guest/lib.sh does but without a shell: the emulated processor has no time for one.
 *
 * usage: prober FOLDER LIST
 *   LIST has the name of a program of FOLDER on each line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static int Fail(const char* what) {
  fprintf(stderr, "prober: %s: %s\n", what, strerror(errno));
  return 1;
}

/* The program's exit status, 128 and the signal, or 126 when the kernel did not start it. */
static int Run(const char* path, const posix_spawn_file_actions_t* actions, char* said,
               size_t size) {
  char* argv[] = {(char*)path, NULL};
  pid_t child;
  const int error = posix_spawn(&child, path, actions, NULL, argv, environ);
  if (error != 0) {
    snprintf(said, size, "%s\n", strerror(error));
    return 126;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  FILE* list = fopen(argv[2], "r");
  int ends[2];
  if (list == NULL) return Fail(argv[2]);
  if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return Fail("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  char name[256];
  while (fgets(name, sizeof(name), list) != NULL) {
    name[strcspn(name, "\n")] = '\0';
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", argv[1], name);
    char said[256] = "";
    const int status = Run(path, &actions, said, sizeof(said));
    char output[256];
    const ssize_t length = read(ends[0], output, sizeof(output) - 1);
    if (length > 0) {
      output[length] = '\0';
      snprintf(said, sizeof(said), "%.*s\n", (int)strcspn(output, "\n"), output);
    }
    printf("out %s %srow %s %d\n", name, said[0] != '\0' ? said : "\n", name, status);
  }
  return fflush(stdout) == 0 ? 0 : Fail("standard output");
}
