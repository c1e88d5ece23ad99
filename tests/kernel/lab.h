// Each kernel of the lab, booted once and asked about its rows and mutants, and what jet-appraise
// says about the same files.
#ifndef JET_TESTS_KERNEL_LAB_H_
#define JET_TESTS_KERNEL_LAB_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernel/guest.h"
#include "tests/kernel/ima_matrix.h"
#include "tests/kernel/mutants.h"
#include "tests/kernel/rows.h"
#include "tests/kernel/verdicts.h"

namespace jet::kernel {

struct Asked {
  Kernel kernel;
  std::string name;  // of the kernel
  Workshop workshop;
  std::string script;
  std::vector<std::string> trusted;          // certificates for the rows; none: the keystore
  std::vector<std::string> mutants_trusted;  // and for the mutants
  std::vector<Row> rows;
  std::vector<std::string> not_made;
  std::vector<Mutant> mutants;
  std::vector<OfferedCertificate> offered;
  Verdicts verdicts;  // on rows and mutants
  GuestReport guest;
};

// JET_LAB_SEED, or the same one every time.
uint64_t MutantSeed();

// Make the files and the script, in a folder of their own within `folder`. Throw std::runtime_error
// when a step fails without which nothing that follows makes sense. For one thread at a time: a
// program that another thread starts would inherit files that are open for writing.
std::unique_ptr<Asked> PrepareStock(const std::filesystem::path& folder, uint64_t seed);
std::unique_ptr<Asked> PrepareIma(const std::filesystem::path& folder, uint64_t seed);

// Asks the kernel. May run beside others.
void Ask(Asked& asked);

// Asks jet-appraise, after the kernel.
void Appraise(Asked& asked);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_LAB_H_
