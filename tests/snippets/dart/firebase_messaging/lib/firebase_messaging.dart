class RemoteMessage {
  const RemoteMessage({this.data = const <String, dynamic>{}});

  final Map<String, dynamic> data;
}

class FirebaseMessaging {
  static FirebaseMessaging get instance => throw UnimplementedError();
  static Stream<RemoteMessage> get onMessage => throw UnimplementedError();
  static void onBackgroundMessage(Future<void> Function(RemoteMessage message) handler) {}

  Future<String?> getToken() => throw UnimplementedError();
  Stream<String> get onTokenRefresh => throw UnimplementedError();
}
