/* The program that the rows of the matrix are copies of: says "ran" and ends with status 0. Static
 * and without a C library, so that one small file is all that the kernel has to judge. */
static long SystemCall(long number, long first, const void* second, long third) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(first), "S"(second), "d"(third)
                   : "rcx", "r11", "memory");
  return result;
}

void _start(void) {
  static const char kText[] = "ran\n";
  SystemCall(/*write*/ 1, /*stdout*/ 1, kText, sizeof(kText) - 1);
  SystemCall(/*exit*/ 60, 0, 0, 0);
  __builtin_unreachable();
}
