class FirebaseApp {}

abstract class Firebase {
  static Future<FirebaseApp> initializeApp() => throw UnimplementedError();
}
