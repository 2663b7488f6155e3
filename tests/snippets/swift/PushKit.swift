import Foundation

public struct PKPushType: Hashable, RawRepresentable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public static let voIP = PKPushType(rawValue: "PKPushTypeVoIP")
}

public class PKPushCredentials: NSObject {
  public var type: PKPushType { fatalError() }
  public var token: Data { fatalError() }
}

public class PKPushPayload: NSObject {
  public var type: PKPushType { fatalError() }
  public var dictionaryPayload: [AnyHashable: Any] { fatalError() }
}

public class PKPushRegistry: NSObject {
  public init(queue: DispatchQueue?) {}
  public weak var delegate: (any PKPushRegistryDelegate)?
  public var desiredPushTypes: Set<PKPushType>?
}

/// Optional with Apple; here a misspelt one is an error.
public protocol PKPushRegistryDelegate: NSObjectProtocol {
  func pushRegistry(_ registry: PKPushRegistry, didUpdate pushCredentials: PKPushCredentials, for type: PKPushType)
  func pushRegistry(_ registry: PKPushRegistry, didReceiveIncomingPushWith payload: PKPushPayload, for type: PKPushType,
                    completion: @escaping () -> Void)
}
