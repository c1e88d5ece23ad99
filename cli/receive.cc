#include "cli/receive.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/key_report.h"
#include "cli/open_keystore.h"
#include "cli/peer_status.h"
#include "cli/remove_key.h"
#include "cli/store_key.h"
#include "keystore/peer_comparison.h"

namespace jet::cli {
namespace {

using keystore::TransferReply;
using keystore::TransferRequest;
using keystore::TransferStatus;

// What would have allowed it.
constexpr char kAcceptDelete[] =
    " (jet-keystore receive --accept-delete, or accept-delete under [receive] in its "
    "configuration, allows it)";
constexpr char kAcceptPrivateKey[] =
    " (jet-keystore receive --accept-private-key, or accept-private-key under [receive] in its "
    "configuration, allows it)";

TransferReply Reply(TransferStatus status, absl::string_view message = "") {
  TransferReply reply;
  reply.status = status;
  reply.message = std::string(message);
  return reply;
}

absl::StatusOr<crypto::PrivateKey> DecodePrivateKey(const crypto::Secret& encoded) {
  const auto no_passphrase = []() -> absl::StatusOr<crypto::Secret> {
    return absl::InvalidArgumentError("the private key has a passphrase, and it must have none");
  };
  return crypto::PrivateKey::Decode(encoded, no_passphrase);
}

absl::StatusOr<pki::Certificate> DecodeCertificate(const TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(pki::Certificate certificate, pki::Certificate::Decode(request.certificate));
  // The hash is over the bytes as they came, which could have been PEM.
  if (certificate.der() != request.certificate) {
    return absl::InvalidArgumentError("the certificate is not DER");
  }
  if (SubjectKeyIdentifierText(certificate) != request.subject_key_identifier) {
    return absl::InvalidArgumentError("the certificate has another subject key identifier");
  }
  return certificate;
}

// Says that the name which a put asks for is one of a key that waits; empty when none does.
std::string WaitsThere(const Session& session, const std::string& name,
                       const pki::Certificate& certificate) {
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  if (!store.ok()) return "";
  const absl::StatusOr<absl::optional<keystore::WaitingKey>> waiting = store->FindWaiting(name);
  if (!waiting.ok() || !waiting->has_value()) return "";
  if ((*waiting)->request.public_key() == certificate.public_key()) {
    return absl::StrCat("the key '", name,
                        "' waits for this certificate there: `jet-keystore import --key-name ",
                        name, " --x509-cert FILE` there joins the two");
  }
  return absl::StrCat("another key, which waits for its certificate, has the name '", name,
                      "' there");
}

// The reply to a put: why it could not be done.
TransferReply NotStored(const absl::Status& error) {
  // The name is taken by another key, or the key id is: a matter of what is there, not of trying.
  return Reply(absl::IsAlreadyExists(error) ? TransferStatus::kConflict : TransferStatus::kFailed,
               error.message());
}

absl::StatusOr<TransferReply> Put(const Session& session, const ReceiveOptions& options,
                                  const TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(const pki::Certificate certificate, DecodeCertificate(request));
  absl::optional<crypto::PrivateKey> private_key;
  if (!request.private_key.empty()) {
    JET_ASSIGN_OR_RETURN(private_key, DecodePrivateKey(request.private_key));
  }
  StoreKeyOptions store;
  store.keyring = options.keyring;
  store.same_key = SameKey::kIsWelcome;
  if (options.allow_expired) store.expired = ima::ExpiredCertificates::kAllow;
  const keystore::NewKey key = {request.name, certificate,
                                private_key.has_value() ? &*private_key : nullptr,
                                keystore::KeyOrigin::kImported};
  const absl::StatusOr<KeyInStore> stored = StoreAndMirror(session, key, store, nullptr);
  if (absl::IsAlreadyExists(stored.status())) {
    const std::string waits = WaitsThere(session, request.name, certificate);
    if (!waits.empty()) return Reply(TransferStatus::kConflict, waits);
  }
  if (!stored.ok()) return NotStored(stored.status());
  TransferReply reply = Reply(stored->was_there ? TransferStatus::kAlready : TransferStatus::kDone);
  reply.has_private_key = stored->key.has_private_key;
  return reply;
}

// What has a name that a request speaks of.
enum class Holder { kNobody, kTheKey, kAnotherKey };

absl::StatusOr<Holder> HolderOf(const keystore::Keystore& store, const std::string& name,
                                const TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(const absl::optional<keystore::WaitingKey> waiting, store.FindWaiting(name));
  if (waiting.has_value()) return Holder::kAnotherKey;
  const absl::StatusOr<keystore::StoredKey> key = store.Find(name);
  if (absl::IsNotFound(key.status())) return Holder::kNobody;
  JET_RETURN_IF_ERROR(key.status());
  JET_ASSIGN_OR_RETURN(const std::string sha256, key->certificate.Fingerprint());
  return sha256 == request.certificate_sha256 ? Holder::kTheKey : Holder::kAnotherKey;
}

absl::StatusOr<TransferReply> Delete(const Session& session, const ReceiveOptions& options,
                                     const TransferRequest& request) {
  absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kWrite);
  if (absl::IsNotFound(store.status())) return Reply(TransferStatus::kAlready);
  JET_RETURN_IF_ERROR(store.status());
  JET_ASSIGN_OR_RETURN(const Holder holder, HolderOf(*store, request.name, request));
  if (holder == Holder::kNobody) return Reply(TransferStatus::kAlready);
  if (holder == Holder::kAnotherKey) {
    return Reply(TransferStatus::kConflict,
                 absl::StrCat("'", request.name, "' is another key there, which stays"));
  }
  if (!options.accept_delete) {
    return Reply(TransferStatus::kRefused,
                 absl::StrCat("nothing is deleted there for others", kAcceptDelete));
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<ima::Keyring> keyring,
                       RingToClear(session, options.keyring));
  const auto go_on = [](const keystore::StoredKey& /*key*/) { return absl::OkStatus(); };
  JET_RETURN_IF_ERROR(RemoveKey(*store, request.name, keyring, go_on).status());
  return Reply(TransferStatus::kDone);
}

// The key is there under its new name; `old_name` is who has the old one.
absl::StatusOr<TransferReply> HasNewName(const keystore::Keystore& store,
                                         const TransferRequest& request, Holder old_name) {
  if (old_name == Holder::kTheKey) {
    // Which of the two has the private key, or can open it, is not for this program to judge.
    return Reply(TransferStatus::kConflict,
                 absl::StrCat("the key is there as '", request.name, "' and as '", request.new_name,
                              "', and both stay: delete one of them there"));
  }
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey key, store.Find(request.new_name));
  TransferReply reply = Reply(TransferStatus::kAlready);
  reply.has_private_key = key.has_private_key;
  return reply;
}

// The reply where the new name is free and the key does not have the old one.
TransferReply LacksOldName(const TransferRequest& request, Holder old_name) {
  TransferReply reply = Reply(TransferStatus::kMissing);
  if (old_name == Holder::kAnotherKey) {
    reply.message = absl::StrCat("'", request.name, "' is another key there, which stays");
  }
  return reply;
}

// Never takes a name from a key without giving it, with its private key, the other.
absl::StatusOr<TransferReply> RenameIn(keystore::Keystore& store, const ReceiveOptions& options,
                                       const TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(const Holder old_name, HolderOf(store, request.name, request));
  JET_ASSIGN_OR_RETURN(const Holder new_name, HolderOf(store, request.new_name, request));
  if (new_name == Holder::kTheKey) return HasNewName(store, request, old_name);
  if (new_name == Holder::kAnotherKey) {
    TransferReply reply =
        Reply(TransferStatus::kConflict,
              absl::StrCat("'", request.new_name, "' is another key there, which stays"));
    if (old_name == Holder::kTheKey) {
      absl::StrAppend(&reply.message, "; this one stays '", request.name, "' there");
    }
    return reply;
  }
  if (old_name != Holder::kTheKey) return LacksOldName(request, old_name);
  if (!options.accept_delete) {
    return Reply(TransferStatus::kRefused,
                 absl::StrCat("the key stays '", request.name,
                              "' there: no name is taken away for others", kAcceptDelete));
  }
  JET_RETURN_IF_ERROR(store.Rename(request.name, request.new_name));
  JET_ASSIGN_OR_RETURN(const keystore::StoredKey renamed, store.Find(request.new_name));
  TransferReply reply = Reply(TransferStatus::kDone);
  reply.has_private_key = renamed.has_private_key;
  return reply;
}

absl::StatusOr<TransferReply> Rename(const Session& session, const ReceiveOptions& options,
                                     const TransferRequest& request) {
  JET_RETURN_IF_ERROR(AskForStorePassphrase(session));
  absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kWrite);
  if (absl::IsNotFound(store.status())) return Reply(TransferStatus::kMissing);
  JET_RETURN_IF_ERROR(store.status());
  // A store key that is away (NOT_FOUND, too) says nothing about who has the names.
  JET_RETURN_IF_ERROR(store->Unlock());
  return RenameIn(*store, options, request);
}

absl::StatusOr<TransferReply> List(const Session& session) {
  TransferReply reply = Reply(TransferStatus::kDone);
  const absl::StatusOr<keystore::Keystore> store = OpenKeystore(session, keystore::Access::kRead);
  if (absl::IsNotFound(store.status())) return reply;
  JET_RETURN_IF_ERROR(store.status());
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store->List());
  JET_ASSIGN_OR_RETURN(reply.keys, keystore::KeysForPeer(listing));
  const std::set<std::string> waiting = WaitingNames(listing);
  if (!waiting.empty()) {
    reply.message =
        absl::StrCat("keys wait there for their certificates: ", absl::StrJoin(waiting, ", "));
  }
  return reply;
}

absl::StatusOr<TransferReply> Do(Session& session, const ReceiveOptions& options,
                                 const TransferRequest& request) {
  switch (request.operation) {
    case keystore::TransferOperation::kPut:
      if (!request.private_key.empty() && !options.accept_private_key) {
        return Reply(TransferStatus::kRefused,
                     absl::StrCat("no private keys are taken there", kAcceptPrivateKey));
      }
      return Put(session, options, request);
    case keystore::TransferOperation::kDelete:
      return Delete(session, options, request);
    case keystore::TransferOperation::kRename:
      return Rename(session, options, request);
    case keystore::TransferOperation::kList:
      break;
  }
  return List(session);
}

}  // namespace

TransferReply Answer(Session& session, const ReceiveOptions& options,
                     const TransferRequest& request) {
  const absl::StatusOr<TransferReply> done = Do(session, options, request);
  TransferReply reply = done.ok() ? *done : Reply(TransferStatus::kFailed, done.status().message());
  reply.id = request.id;
  return reply;
}

}  // namespace jet::cli
