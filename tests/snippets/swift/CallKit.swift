import AVFAudio
import Foundation

public enum CXCallEndedReason: Int {
  case failed = 1, remoteEnded, unanswered, answeredElsewhere, declinedElsewhere
}

public class CXHandle: NSObject {
  public enum HandleType: Int { case generic = 1, phoneNumber, emailAddress }
  public init(type: HandleType, value: String) {}
}

public class CXCallUpdate: NSObject {
  public var remoteHandle: CXHandle?
  public var localizedCallerName: String?
  public var hasVideo = false
}

public class CXProviderConfiguration: NSObject {
  public var supportedHandleTypes: Set<CXHandle.HandleType> = []
  public var supportsVideo = false
  public var maximumCallsPerCallGroup = 5
}

public class CXCallAction: NSObject {
  public var callUUID: UUID { fatalError() }
  public func fulfill() {}
  public func fail() {}
}

public class CXAnswerCallAction: CXCallAction {}
public class CXEndCallAction: CXCallAction {}

public class CXProvider: NSObject {
  public init(configuration: CXProviderConfiguration) {}
  public func setDelegate(_ delegate: (any CXProviderDelegate)?, queue: DispatchQueue?) {}
  public func reportNewIncomingCall(with UUID: UUID, update: CXCallUpdate, completion: @escaping ((any Error)?) -> Void) {}
  public func reportCall(with UUID: UUID, endedAt dateEnded: Date?, reason endedReason: CXCallEndedReason) {}
}

/// Optional with Apple, all but the first; here a misspelt one is an error.
public protocol CXProviderDelegate: NSObjectProtocol {
  func providerDidReset(_ provider: CXProvider)
  func provider(_ provider: CXProvider, perform action: CXAnswerCallAction)
  func provider(_ provider: CXProvider, perform action: CXEndCallAction)
  func provider(_ provider: CXProvider, didActivate audioSession: AVAudioSession)
}
