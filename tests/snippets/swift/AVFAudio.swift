public class AVAudioSession {}
