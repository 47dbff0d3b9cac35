#pragma once

#include <string_view>

#include "cli/report.h"

namespace pstuck {

/// The enumerators as they stand in JSON: snake_case, without the k.
std::string_view json_word(TargetKind kind);
std::string_view json_word(CaptureWay way);
std::string_view json_word(CaptureReason reason);
std::string_view json_word(BlindSpotKind kind);
std::string_view json_word(StackEnd end);
std::string_view json_word(Evidence evidence);
std::string_view json_word(ResourceKind kind);
std::string_view json_word(NamedBy how);
std::string_view json_word(MutexType type);
std::string_view json_word(MutexProtocol protocol);
std::string_view json_word(OwnerFate fate);
std::string_view json_word(OwnerGap::Kind kind);
std::string_view json_word(Part part);
std::string_view json_word(Needs needs);
std::string_view json_word(FoundBy how);
std::string_view json_word(AttributedBy how);
std::string_view json_word(WaitKind kind);
std::string_view json_word(RecognisedBy how);
std::string_view json_word(CrashCause cause);
std::string_view json_word(Activity activity);
std::string_view json_word(Remark::Says says);
std::string_view json_word(FindingKind kind);
std::string_view json_word(CallAct act);
std::string_view json_word(FileKind kind);

}  // namespace pstuck
