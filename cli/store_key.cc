#include "cli/store_key.h"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "ima/mirror.h"

namespace jet::cli {
namespace {

absl::StatusOr<Mirrored> Mirror(const ima::Keyring& keyring, const keystore::StoredKey& key,
                                UntrustedByKernel untrusted) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  const bool present = ima::HoldsKeyOf(members, key.certificate);
  const absl::Status mirrored = ima::MirrorCertificate(key.certificate, members, keyring).status();
  if (mirrored.ok()) return Mirrored{present ? "present" : "added", keyring.name(), "", false};
  if (keyring.trusted() && base::ErrnoOf(mirrored) == ENOKEY &&
      untrusted == UntrustedByKernel::kIsNoted) {
    return Mirrored{"refused", keyring.name(), std::string(mirrored.message()), false};
  }
  if (absl::IsAlreadyExists(mirrored)) return mirrored;  // a twin is no better unmirrored
  return base::Annotate(mirrored, "not mirrored (--keyring none stores the key all the same)");
}

// So that `jet-ima load --prune` may take it out again. The key is stored and mirrored whatever
// becomes of that.
void Remember(keystore::Keystore& store, const pki::Certificate& certificate,
              const Mirrored& mirrored, std::vector<std::string>& warnings) {
  if (mirrored.keyring.empty() || mirrored.word == std::string("refused")) return;
  const absl::Status remembered = store.RememberMirrored({certificate});
  if (remembered.ok()) return;
  warnings.push_back(absl::StrCat("no --prune will take the certificate out of the keyring again: ",
                                  remembered.message()));
}

void Report(Session& session, const KeyInStore& stored) {
  const keystore::StoredKey& key = stored.key;
  const Mirrored& mirrored = stored.mirrored;
  const bool in_keyring =
      mirrored.word == std::string("added") || mirrored.word == std::string("present");
  Json object = KeyObject(key, in_keyring ? absl::optional<bool>(true) : absl::nullopt);
  object["joined"] = stored.joined;
  object["mirror"] = mirrored.word;
  object["keyring"] = mirrored.keyring.empty() ? Json(nullptr) : Json(mirrored.keyring);
  session.output.Object(object);
  Fields fields = KeyFields(key);
  if (stored.joined) fields.emplace_back("Private Key", "joined to the key that waited");
  fields.emplace_back("Keyring", in_keyring
                                     ? absl::StrCat(mirrored.keyring, " (", mirrored.word, ")")
                                     : std::string("not mirrored"));
  session.output.Labelled(fields);
  if (mirrored.word == std::string("refused")) {
    session.output.Warning(
        absl::StrCat("this kernel does not trust the key, others may: ", mirrored.message));
  } else if (mirrored.word == std::string("none") && mirrored.doubtful) {
    session.output.Warning(absl::StrCat("not mirrored: ", mirrored.message));
  } else if (mirrored.word == std::string("none")) {
    session.output.Note(absl::StrCat("not mirrored: ", mirrored.message));
  }
}

// Notes nothing for a name that is taken: the key will not be stored, and what is pending of the
// one that has the name is not to be lost.
absl::Status Note(const keystore::Keystore& store, const keystore::NewKey& key, bool join,
                  const PeerOptions& options, Replication& replication) {
  if (!join && !absl::IsNotFound(store.Find(key.name).status())) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(std::string sha256, key.certificate.Fingerprint());
  return replication.NotePut({std::move(sha256), options.with_private_key});
}

// True when the key of that name waits for the certificate. Where a key of another name does, that
// is worth a warning.
absl::StatusOr<bool> IsToBeJoined(const keystore::Keystore& store, const keystore::NewKey& key,
                                  const StoreKeyOptions& options,
                                  std::vector<std::string>& warnings) {
  if (!options.join) return false;
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    if (damaged.name == key.name) {
      return base::Annotate(damaged.error,
                            absl::StrCat("the key '", key.name, "' is there, and damaged"));
    }
  }
  for (const keystore::WaitingKey& waiting : listing.waiting) {
    if (waiting.name == key.name) {
      if (key.private_key == nullptr) return true;
      return absl::FailedPreconditionError(absl::StrCat(
          "the key '", key.name, "' waits for its certificate and has its private key ",
          "already: give the certificate alone"));
    }
    if (waiting.request.public_key() == key.certificate.public_key()) {
      warnings.push_back(absl::StrCat("the key '", waiting.name,
                                      "' waits for this certificate: import it under that name to "
                                      "join the two"));
    }
  }
  return false;
}

// As ima::CheckSigningCertificate. An error that is about nothing but the dates says which option
// takes the certificate all the same.
absl::StatusOr<std::vector<std::string>> CheckCertificate(const pki::Certificate& certificate,
                                                          ima::ExpiredCertificates expired) {
  using ima::ExpiredCertificates;
  const absl::Time now = absl::Now();
  absl::StatusOr<std::vector<std::string>> checked =
      ima::CheckSigningCertificate(certificate, now, expired);
  if (checked.ok() ||
      !ima::CheckSigningCertificate(certificate, now, ExpiredCertificates::kAllow).ok()) {
    return checked;
  }
  return absl::FailedPreconditionError(
      absl::StrCat(checked.status().message(), " (--allow-expired takes it all the same)"));
}

}  // namespace

absl::StatusOr<KeyInStore> StoreAndMirror(const Session& session, const keystore::NewKey& key,
                                          const StoreKeyOptions& options,
                                          Replication* replication) {
  JET_ASSIGN_OR_RETURN(std::vector<std::string> warnings,
                       CheckCertificate(key.certificate, options.expired));
  // The keyring is found before anything is stored: a wrong name must change nothing.
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kCreate));
  Mirrored mirrored;
  mirrored.message = resolved.why_none;
  mirrored.doubtful = resolved.warn;
  const auto mirror = [&](const keystore::StoredKey& committed) -> absl::Status {
    if (!resolved.keyring.has_value()) return absl::OkStatus();
    JET_ASSIGN_OR_RETURN(mirrored, Mirror(*resolved.keyring, committed, options.untrusted));
    return absl::OkStatus();
  };
  JET_ASSIGN_OR_RETURN(keystore::Keystore store, OpenKeystore(session, keystore::Access::kCreate));
  if (options.same_key == SameKey::kIsWelcome) {
    absl::StatusOr<keystore::StoredKey> there = store.Find(key.name);
    if (there.ok() && there->certificate.der() == key.certificate.der()) {
      JET_RETURN_IF_ERROR(mirror(*there));
      Remember(store, key.certificate, mirrored, warnings);
      return KeyInStore{*std::move(there), mirrored, std::move(warnings), /*was_there=*/true};
    }
  }
  JET_ASSIGN_OR_RETURN(const bool join, IsToBeJoined(store, key, options, warnings));
  if (replication != nullptr) {
    JET_RETURN_IF_ERROR(Note(store, key, join, options.peers, *replication));
  }
  absl::StatusOr<keystore::StoredKey> stored =
      join ? store.Join(key.name, key.certificate, mirror) : store.Add(key, mirror);
  if (!stored.ok() && replication != nullptr) replication->TakeBack();
  JET_RETURN_IF_ERROR(stored.status());
  if (replication != nullptr) replication->End();
  Remember(store, key.certificate, mirrored, warnings);
  KeyInStore result{*std::move(stored), mirrored, std::move(warnings), false, join, absl::nullopt};
  if (join && options.peers.with_private_key) {
    absl::StatusOr<crypto::PrivateKey> private_key = store.OpenPrivateKey(key.name);
    if (private_key.ok()) result.private_key = *std::move(private_key);
  }
  return result;
}

absl::StatusOr<ExitStatus> StoreKey(Session& session, const keystore::NewKey& key,
                                    const StoreKeyOptions& options) {
  Replication replication(session, key.name, options.peers);
  JET_ASSIGN_OR_RETURN(const KeyInStore stored,
                       StoreAndMirror(session, key, options, &replication));
  for (const std::string& warning : stored.warnings) session.output.Warning(warning);
  Report(session, stored);
  PeerOutcome here;
  here.result = key.origin == keystore::KeyOrigin::kGenerated ? PeerResult::kGenerated
                                                              : PeerResult::kImported;
  here.private_key = stored.key.has_private_key;
  const crypto::PrivateKey* const private_key =
      stored.private_key.has_value() ? &*stored.private_key : key.private_key;
  return replication.Deliver(std::move(here), {.certificate = &key.certificate,
                                               .private_key = private_key,
                                               .has_private_key = stored.key.has_private_key});
}

}  // namespace jet::cli
