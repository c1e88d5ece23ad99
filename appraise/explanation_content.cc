#include "absl/strings/str_cat.h"
#include "appraise/explanation_parts.h"
#include "appraise/kernel_outcome.h"
#include "ima/signature.h"

namespace jet::appraise {
namespace {

constexpr uint64_t kOverlayMagic = 0x794c7630;  // OVERLAYFS_SUPER_MAGIC

// What jet-sign wants to be told before it signs a file of this kind.
const char* KindOption(base::FileKind kind) {
  switch (kind) {
    case base::FileKind::kElf:
      return "";
    case base::FileKind::kScript:
      return "--scripts ";
    case base::FileKind::kKernelModule:
      return "--modules ";
    default:
      return "--any-file ";
  }
}

std::string SignCommand(const ExplanationInput& input) {
  return absl::StrCat("jet-sign ", IsOfVerity(input.appraisal) ? "--verity " : "",
                      KindOption(input.file.kind), input.path, " --key NAME");
}

std::string SignIt(const ExplanationInput& input) {
  return absl::StrCat("Sign it: ", SignCommand(input));
}

void AddMismatch(const ExplanationInput& input, std::vector<Finding>& findings) {
  const std::string changed =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", input.file.changed, absl::UTCTimeZone());
  findings.push_back(
      {"content-changed",
       absl::StrCat(
           "The signature is over other bytes than the file has now, or was damaged itself. "
           "The file says that its content last changed at ",
           changed, "."),
       absl::StrCat(
           "Find out who changed it, restore it, or if the change is yours sign it again: ",
           SignCommand(input))});
  if (input.file.kind != base::FileKind::kElf || input.file.has_symbol_table) return;
  findings.push_back({"stripped",
                      "The file has no symbol table. If strip took that out after the file was "
                      "signed, this is what changed: strip rewrites the content, and the old "
                      "signature stays on it.",
                      "Sign last: after strip, patchelf and whatever else rewrites the file."});
}

void AddMissing(const ExplanationInput& input, std::vector<Finding>& findings) {
  const bool overlay = input.file.file_system_magic == kOverlayMagic;
  if (overlay) {
    findings.push_back({"on-overlay",
                        "The file is on an overlay file system: its layers may be unpacked from an "
                        "archive or an image that did not carry security.ima.",
                        "Look at the file in the layer that it comes from, and make the image with "
                        "a tool that keeps extended attributes."});
  }
  findings.push_back(
      {"no-signature",
       "The file has no security.ima, or an empty one. Either nobody signed it, or it was lost on "
       "the way: cp without -a, install, tar and zip without extended attributes, git, scp and "
       "container images do not carry it, and an editor that replaces the file drops it.",
       input.signature_file.has_value()
           ? absl::StrCat("'", *input.signature_file, "' lies beside it: jet-sign apply ",
                          input.path)
           : absl::StrCat(SignIt(input),
                          " (to copy it signed: cp -a, or tar --xattrs --xattrs-include='*')")});
}

void AddHashOnly(const ExplanationInput& input, std::vector<Finding>& findings) {
  findings.push_back(
      {"hash-only",
       "security.ima holds a hash, which proves nothing about who made the file. "
       "evmctl ima_hash writes such, and so does a kernel with ima_appraise=fix or a "
       "rule that wants only hashes.",
       SignIt(input)});
}

std::string RemedyForUnsupported(const ExplanationInput& input) {
  if (IsOfVerity(input.appraisal)) return SignIt(input);
  if (input.appraisal.signature_version == ima::kSignatureVersion3) {
    return absl::StrCat(
        "For rules with digest_type=verity it may be right: jet-appraise --verity tells. For "
        "others sign the content: ",
        SignCommand(input));
  }
  return "Sign it with an RSA or EC key and sha256.";
}

void AddUnsupported(const ExplanationInput& input, std::vector<Finding>& findings) {
  findings.push_back({"unsupported",
                      absl::StrCat("The kernel does not take this kind of signature here: ",
                                   input.appraisal.detail, "."),
                      RemedyForUnsupported(input)});
}

void AddVerityNotEnabled(const ExplanationInput& input, std::vector<Finding>& findings) {
  findings.push_back(
      {"verity-not-enabled",
       "The signature is good for the fs-verity digest that the file would have. Until fs-verity "
       "is enabled on it the kernel has no such digest.",
       absl::StrCat(
           "Where a rule with digest_type=verity is about the file, enable it, after which "
           "the content can never be changed again: fsverity enable ",
           input.path,
           input.appraisal.hash_name == "sha256"
               ? ""
               : absl::StrCat(" --hash-alg=", input.appraisal.hash_name))});
}

}  // namespace

void AddContent(const ExplanationInput& input, std::vector<Finding>& findings) {
  switch (input.appraisal.verdict) {
    case Verdict::kMismatch:
      AddMismatch(input, findings);
      return;
    case Verdict::kNoSignature:
      AddMissing(input, findings);
      return;
    case Verdict::kHashOnly:
      AddHashOnly(input, findings);
      return;
    case Verdict::kMalformed:
      findings.push_back(
          {"malformed", absl::StrCat("security.ima is damaged: ", input.appraisal.detail, "."),
           absl::StrCat("Sign the file again. What is in it: jet-ima inspect ", input.path)});
      return;
    case Verdict::kUnsupported:
      AddUnsupported(input, findings);
      return;
    case Verdict::kVerityNotEnabled:
      AddVerityNotEnabled(input, findings);
      return;
    case Verdict::kValid:
    case Verdict::kUnknownKey:
    case Verdict::kAmbiguousKey:
      return;
  }
}

}  // namespace jet::appraise
