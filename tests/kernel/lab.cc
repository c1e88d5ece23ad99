#include "tests/kernel/lab.h"

#include <stdlib.h>

#include <sstream>
#include <utility>

#include "tests/kernel/command.h"
#include "tests/kernel/matrix.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 20260601;
constexpr size_t kStockMutants = 900;
constexpr size_t kImaMutants = 1400;
constexpr char kMutantList[] = "mutants";
constexpr char kAppraiseVerity[] = "appraise-verity";

// Keys that only mutants are signed with, so that no other row's key answers to their key ids. The
// last two share one.
std::vector<std::string> MakeMutantKeys(const Workshop& workshop,
                                        const std::vector<CertificateRequest>& requests,
                                        const std::string& twins_issuer) {
  std::vector<std::string> names;
  for (const CertificateRequest& request : requests) {
    workshop.MakeCertificate(request);
    names.push_back(request.name);
  }
  for (const std::string name : {"mutant-twin-a", "mutant-twin-b"}) {
    workshop.MakeCertificate(
        {name, "rsa:2048", name,
         (name.back() == 'a' ? "A1A1A1A1" : "B2B2B2B2") + std::string("0BADC0DE"), twins_issuer});
    names.push_back(name);
  }
  return names;
}

// Adds the mutants to what is asked, and their list to the disk.
void AddMutants(Asked& asked, MutantPlan plan) {
  asked.mutants = Mutants(asked.workshop, std::move(plan)).all();
  std::string list;
  for (const Mutant& mutant : asked.mutants) list += mutant.name + "\n";
  WriteFile(asked.workshop.disk() / kMutantList, list);
}

// What an ambiguous key id leads to says less than the rest, so the twins come up less often.
void AddOften(MutantPlan& plan, const std::vector<MutantKey>& keys) {
  for (int times = 0; times < 4; ++times) {
    plan.keys.insert(plan.keys.end(), keys.begin(), keys.end());
  }
}

template <typename SomeRows>
void TakeRows(Asked& asked, const SomeRows& matrix) {
  asked.rows = matrix.rows();
  asked.not_made = matrix.not_made();
}

std::string TryAll(const Asked& asked) {
  std::string script;
  for (const Row& row : asked.rows) script += Try(row.name, row.command);
  const std::string prober = fs::path(JET_LAB_PROBER).filename();
  return script + prober + " /mnt/rows /mnt/" + kMutantList + "\n";
}

// Root mirrors the keystore into _ima; then the policy; then everything.
std::string StockScript(const Asked& asked, const std::vector<std::string>& added) {
  std::string script = Try("load", "jet ima load");
  for (const std::string& name : added) script += Try("add-" + name, "add " + name);
  return script + Try("status", "jet ima status") + "load_policy || exit\n" + TryAll(asked);
}

// In the guest, whose files are fs-verity files.
std::string AppraiseUnderVerityRule(const Asked& asked) {
  std::string command = "jet appraise --json --verity";
  for (const std::string& name : asked.trusted) {
    command += " --x509-cert /lab/certificates/" + name + ".der";
  }
  for (const Row& row : asked.rows) {
    if (row.expected.comparison == Comparison::kVerityRule) command += " /mnt/rows/" + row.name;
  }
  return Try(kAppraiseVerity, command);
}

std::string ImaScript(const Asked& asked, const std::string& preparation) {
  std::string script;
  for (const OfferedCertificate& offered : asked.offered) {
    script += Try("offer-" + offered.name + "-" + offered.ring,
                  "offer " + offered.name + " " + offered.ring);
  }
  script += preparation;
  script += AppraiseUnderVerityRule(asked);
  script += "load_policy";
  for (const std::string& rule : ImaMatrix::Policy()) script += " '" + rule + "'";
  return script + " || exit\n" + TryAll(asked) +
         Try("again", std::string("/mnt/rows/") + ImaMatrix::kDeniedHash);
}

// The lines of a guest's output that are JSON.
std::string VerdictLines(const std::string& output) {
  std::string lines;
  std::string line;
  for (std::istringstream stream(output); std::getline(stream, line);) {
    if (!line.empty() && line.front() == '{') lines += line + "\n";
  }
  return lines;
}

}  // namespace

uint64_t MutantSeed() {
  const char* chosen = getenv("JET_LAB_SEED");
  return chosen != nullptr ? std::stoull(chosen) : kSeed;
}

std::unique_ptr<Asked> PrepareStock(const fs::path& folder, uint64_t seed) {
  auto asked = std::make_unique<Asked>(Asked{Kernel::kStock,
                                             "stock kernel",
                                             Workshop(folder / "stock"),
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {}});
  const Matrix matrix(asked->workshop);
  TakeRows(*asked, matrix);
  asked->mutants_trusted = MakeMutantKeys(
      asked->workshop,
      {{"mutant-2048", "rsa:2048", "mutant M8gT"}, {"mutant-3072", "rsa:3072", "mutant N2xR"}}, "");
  MutantPlan plan = {"s", seed, kStockMutants, {}, {"M8gT", "N2xR"}};
  for (const std::string& name : asked->mutants_trusted) plan.keys.push_back({name});
  AddOften(plan, {{"mutant-2048"}, {"mutant-3072"}});
  AddMutants(*asked, plan);
  std::vector<std::string> added = matrix.added_with_keyctl();
  added.insert(added.end(), asked->mutants_trusted.begin(), asked->mutants_trusted.end());
  asked->script = StockScript(*asked, added);
  return asked;
}

std::unique_ptr<Asked> PrepareIma(const fs::path& folder, uint64_t seed) {
  auto asked = std::make_unique<Asked>(Asked{Kernel::kIma,
                                             "kernel with .ima",
                                             Workshop(folder / "ima"),
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {},
                                             {}});
  const ImaMatrix matrix(asked->workshop);
  TakeRows(*asked, matrix);
  asked->trusted = matrix.trusted();
  asked->offered = matrix.offered();
  asked->mutants_trusted =
      MakeMutantKeys(asked->workshop,
                     {{"mutant-p256", "P-256", "mutant p256", "hash", kLabCa},
                      {"mutant-p384", "P-384", "mutant p384", "hash", kLabCa},
                      {"mutant-2048", "rsa:2048", "mutant 2048", "hash", kLabCa}},
                     kLabCa);
  // Every certificate of the CA has this id too.
  MutantPlan plan = {"i", seed + 1, kImaMutants, {}, {"b CA"}};
  plan.keys = {{"mutant-2048"}};
  AddOften(plan, {{"mutant-p256", 256}, {"mutant-p384", 384}});
  for (const std::string& name : asked->mutants_trusted) {
    asked->offered.push_back({name, ".ima", ""});
    if (name.find("twin") != std::string::npos) plan.keys.push_back({name});
  }
  AddMutants(*asked, plan);
  asked->script = ImaScript(*asked, matrix.preparation());
  return asked;
}

void Ask(Asked& asked) { asked.guest = BootGuest(asked.kernel, asked.workshop, asked.script); }

void Appraise(Asked& asked) {
  asked.verdicts = AppraiseRows(asked.workshop, asked.rows, asked.trusted);
  asked.verdicts.merge(ReadVerdicts(VerdictLines(asked.guest.RowOf(kAppraiseVerity).output)));
  Paths files;
  for (const Mutant& mutant : asked.mutants) files.push_back(mutant.file);
  asked.verdicts.merge(AppraiseFiles(asked.workshop, files, asked.mutants_trusted));
}

}  // namespace jet::kernel
