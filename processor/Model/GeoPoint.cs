namespace Stockflow.Model;

/// <summary>A place on the Earth, degrees.</summary>
public readonly record struct GeoPoint(double Latitude, double Longitude)
{
    /// <summary>Mean radius of the Earth (IUGG), kilometres.</summary>
    private const double Radius = 6371.0088;

    /// <summary>False for degrees that no place has, and for NaN.</summary>
    public bool IsValid => Latitude is >= -90 and <= 90 && Longitude is >= -180 and <= 180;

    /// <summary>Great-circle distance by the haversine formula, kilometres; within 0.6% of the distance on the ellipsoid.</summary>
    public double KilometresTo(GeoPoint other)
    {
        var byLatitude = Math.Sin(Radians(other.Latitude - Latitude) / 2);
        var byLongitude = Math.Sin(Radians(other.Longitude - Longitude) / 2);
        var haversine = (byLatitude * byLatitude) + (Math.Cos(Radians(Latitude)) * Math.Cos(Radians(other.Latitude)) * byLongitude * byLongitude);

        // Rounding may exceed 1 for opposite points.
        return 2 * Radius * Math.Asin(Math.Min(1, Math.Sqrt(haversine)));
    }

    private static double Radians(double degrees) => degrees * (Math.PI / 180);
}
